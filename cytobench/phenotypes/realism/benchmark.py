"""The benchmark of realism: generated cells beside those of a store, in a feature space that never saw them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.phenotypes.benchmark import ModelBenchmark
from cytobench.phenotypes.feature_space import FeatureSpace
from cytobench.phenotypes.features import Choice, choose_space, first_at_hand
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.realism.figures import draw_measures
from cytobench.phenotypes.realism.memorisation import Memorisation
from cytobench.phenotypes.realism.pairs import Pictured, draw_pairs
from cytobench.phenotypes.realism.parts import parts_of
from cytobench.phenotypes.realism.protocol import COLUMNS, RealismProtocol
from cytobench.phenotypes.realism.scores import realism_line
from cytobench.phenotypes.realism.sets import CellSet, RealCells
from cytobench.phenotypes.realism.warnings import warnings_of
from cytobench.phenotypes.shuffling import shuffled
from cytobench.progress import progress_bar
from cytobench.results.measures import Line, Measures, Role

FLOOR, CEILING = "other {} cells", "{} cells, pixels shuffled"
"""What the reference lines are called, of real or simulated cells."""

STAGES = 4
"""That progress counts: the store's cells, generated cells, the search for copies, the measures."""


class Compared(NamedTuple):
    """A set of cells that is compared with set A."""

    name: str
    role: Role
    cells: CellSet
    near: Memorisation | None
    """None where it is not known which training cells it may have copied."""

    def line(self, real: CellSet, protocol: RealismProtocol) -> Line:
        """Measure it."""
        copied = None if self.near is None else self.near.copied(protocol.copy_ratio)
        return realism_line(self.name, self.role, real, self.cells, copied, protocol)


class RealismBenchmark(ModelBenchmark):
    """Distances and overlaps of generated cells and those of a store, as ``protocol.yaml`` in ``folder`` pins them.

    Args:
        variant: the feature space, ``METHOD`` or ``METHOD:RECIPE``; None for the first of
            :data:`~cytobench.phenotypes.features.DEFAULT_SPACES` whose packages and weights are here.
    """

    requires = "generative"
    record = RealismProtocol

    def __init__(self, variant: str | None = None) -> None:
        super().__init__()
        self._choice: Choice = first_at_hand() if variant is None else choose_space(variant)
        self.name = f"{self.protocol.name}:{self._choice.name}"

    @cached_property
    def key(self) -> str:
        """Its identity with its feature space, and the sha256 of all that decides that."""
        return f"{self.identity} {self._choice.key}"

    def check(self, store: CellStore, channels: tuple[str, ...], size: int) -> None:
        """Refuse stores that are too small, and cells that the feature space cannot see."""
        self.protocol.size(store)
        self._choice.make(channels, size, "cpu")

    def measure(self, model: Model, figures: Path, *, progress: bool = False) -> Measures:
        """Measure a model that generates cells; draws ``realism.png`` and ``memorisation.png`` into ``figures``.

        The second is left out where it is not known what the model was trained on.
        """
        protocol, space = self.protocol, self._choice.make(model.channels, model.size, str(model.device))
        with progress_bar(STAGES, "realism", "stage", shown=progress) as bar:
            real = RealCells(model, space, protocol)
            bar.update()
            generated = real.others(generate_like(model, real, protocol.seed), anew=True)
            bar.update()
            training = None if model.trained_on is None else real.training(model.trained_on)
            found = None if training is None else Memorisation.of(generated, training)
            floor, ceiling = self._references(model, real)
            bar.update()
            compared = (Compared(model.name, "method", generated, found), floor, ceiling)
            result, *references = (one.line(real.a, protocol) for one in compared)
            bar.update()
        parts = parts_of(model, real, generated, protocol)
        measures = Measures(
            benchmark=self.identity,
            under=self._under(model, real, space),
            headline=protocol.headline,
            columns=COLUMNS,
            result=result,
            references=tuple(references),
            parts=parts.lines,
            warnings=(*warnings_of(model, real, generated, result, tuple(references)), *parts.warnings),
        )
        draw_measures(measures, figures / "realism.png", model.title)
        if training is not None and found is not None and floor.near is not None:
            pictured = Pictured(model.title, model.kind, space.name, model.channels, generated.images, training.images)
            draw_pairs(pictured, found, floor.near, protocol, figures / "memorisation.png")
        return measures

    def _references(self, model: Model, real: RealCells) -> tuple[Compared, Compared]:
        """Other cells, and noise with the intensities of cells; searched for in the store, so that all methods share them."""
        noise = real.others(shuffled(real.a.images, self.protocol.seed), anew=False)
        own = np.arange(real.n, 2 * real.n)
        return (
            Compared(FLOOR.format(model.kind), "floor", real.b, Memorisation.of(real.b, real.searched, own)),
            Compared(CEILING.format(model.kind), "ceiling", noise, Memorisation.of(noise, real.searched)),
        )

    def _under(self, model: Model, real: RealCells, space: FeatureSpace) -> str:
        features = real.a.features.shape[1]
        sets = f"{real.n:,} generated cells, {real.n:,} {model.kind} ones, and {real.n:,} other {model.kind} ones as the floor"
        searched = f"at most {len(real.searched):,} searched for copies"
        return f"{space.name}, {features:,} features; {sets}; cells seen as {model.seen}; {searched}"


def generate_like(model: Model, real: RealCells, seed: int) -> np.ndarray:
    """Return as many generated cells as set A has; a conditional model is told the treatments of set B, cell by cell.

    Told those of A, it would know the composition of what it is compared with, which not even other real cells do.
    """
    images = model.generate(model.noise(real.n, seed), real.rows[real.n : 2 * real.n])
    if not np.isfinite(images).all():
        raise CytoBenchError(f"{model.name} generates images that are not finite; its training diverged, so train it anew")
    return images.clip(0, 1)
