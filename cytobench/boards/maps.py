"""Sensitivity maps: the records of one data set under one benchmark, named and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from cytobench import registry
from cytobench.boards.render import picture_path
from cytobench.sensitivity.declaration import Declaration, Metric, Setting
from cytobench.sensitivity.record import Point, Score, SensitivityRecord
from cytobench.sensitivity.sources import declaration_of

FOLDER = "sensitivity"
"""Below the leaderboards: the records and the pictures."""


@dataclass(frozen=True)
class MapRow:
    """One run on the page."""

    name: str
    record: SensitivityRecord

    @cached_property
    def points(self) -> dict[Setting, Point]:
        """Every point by its setting."""
        return self.record.measured()

    def score(self, metric: Metric, /, **changed: str) -> Score | None:
        """A score at the reference with some axes changed; None where it is not available or was not measured."""
        point = self.points.get(self.record.reference.changed(**changed))
        score: Score | None = None if point is None else getattr(point, metric)
        return score


@dataclass(frozen=True)
class SensitivityMap:
    """One data set under one benchmark."""

    dataset: str
    identity: str
    benchmark: str
    declaration: Declaration
    rows: tuple[MapRow, ...]

    @property
    def picture(self) -> str:
        """The path of its picture below the leaderboards."""
        return picture_path(FOLDER, self.dataset, self.identity, self.benchmark)


def make_maps(records: Iterable[SensitivityRecord]) -> list[SensitivityMap]:
    """Group records by data and benchmark; rows in the order of their scores at the reference."""
    groups: dict[tuple[str, str], list[SensitivityRecord]] = {}
    for record in records:
        groups.setdefault((record.dataset_identity, record.benchmark), []).append(record)
    maps = [_map(group) for group in groups.values()]
    return sorted(maps, key=lambda one: (one.dataset, one.identity, one.benchmark))


def _map(records: list[SensitivityRecord]) -> SensitivityMap:
    labels = Counter(record.label for record in records)
    recipes = Counter((record.label, record.recipe_label) for record in records)
    seeds = Counter((record.label, record.recipe_label, record.seed) for record in records)
    rows = []
    for record in records:
        name, recipe = record.label, (record.label, record.recipe_label)
        name += f", {record.recipe_label}" if labels[record.label] > 1 else ""
        name += f", seed {record.seed}" if recipes[recipe] > 1 else ""
        name += f", {record.key[:6]}" if seeds[*recipe, record.seed] > 1 else ""
        rows.append(MapRow(name, record))
    first = records[0]
    declaration = declaration_of(registry.benchmark(first.benchmark))
    return SensitivityMap(first.dataset, first.dataset_identity, first.benchmark, declaration, tuple(sorted(rows, key=_order)))


def _order(row: MapRow) -> tuple[float, str, str]:
    score = row.score("nsc")
    return (-(score.value if score else -1.0), row.name, row.record.key)
