"""The record of one run's map, as it lies in ``leaderboards/sensitivity``."""

from __future__ import annotations

from typing import Literal

from cytobench.results.record import KEY_LENGTH
from cytobench.results.schema import Estimate
from cytobench.schema import Record
from cytobench.sensitivity.declaration import Metric, Setting


class Score(Record):
    """A score without an interval."""

    value: float
    n: int
    """Items averaged: treatments, compounds or wells."""


class Point(Record):
    """What a run scores under one setting."""

    changed: dict[str, str]
    """The axes in which the setting is not the reference, and its values of them."""
    available: bool
    reason: str | None = None
    """Why it is not available."""
    nsc: Score | None = None
    nscb: Score | None = None
    map_replicate: Score | None = None


class Extent(Record):
    """How far one score moves over all combinations of the factorial axes."""

    metric: Metric
    settings: int
    """Combinations that are available."""
    unavailable: int
    low: float
    high: float
    quantiles: dict[str, float]
    """Over the combinations, each counted once: 5%, 25%, 50%, 75% and 95%."""
    at_low: dict[str, str]
    """What differs from the reference at a setting with the lowest score."""
    at_high: dict[str, str]


class SensitivityRecord(Record):
    """One run's map."""

    schema_version: Literal[1] = 1
    method: str
    label: str
    kind: str
    recipe_label: str
    seed: int
    dataset: str
    dataset_identity: str
    simulated: bool
    benchmark: str
    key: str
    """Of the scores, whole."""
    measured_by: str = ""
    """The sha256 of the declaration and the source that measured it; records that were made before it was kept lack it."""
    reference: Setting
    intervals: dict[str, Estimate]
    """The scores at the reference with their intervals, as the run has them."""
    points: tuple[Point, ...]
    """Every post-processing at the reference, then each with one other axis changed."""
    places: tuple[Point, ...]
    """The points at which published figures stand."""
    extents: tuple[Extent, ...]

    @property
    def file(self) -> str:
        """Its name in ``leaderboards/sensitivity``."""
        return f"{self.run.replace('/', '-')}.json"

    @property
    def run(self) -> str:
        """The run's place below the runs folder."""
        label = self.label.replace(" (", "-").replace(")", "")
        return f"{self.dataset}/{label}/{self.key[:KEY_LENGTH]}"

    def measured(self) -> dict[Setting, Point]:
        """Every point by its setting."""
        return {self.reference.changed(**point.changed): point for point in (*self.places, *self.points)}

    def extent(self, metric: Metric) -> Extent | None:
        """The range of ``metric``; None where no combination is available."""
        return next((extent for extent in self.extents if extent.metric == metric), None)
