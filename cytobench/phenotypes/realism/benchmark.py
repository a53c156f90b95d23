"""The benchmark of realism: generated cells beside real ones, in a feature space that never saw them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cytobench.benchmark import ModelBenchmark
from cytobench.errors import CytoBenchError
from cytobench.phenotypes.feature_space import FeatureSpace
from cytobench.phenotypes.features import Choice, choose_space, first_at_hand
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.realism.figures import draw_measures
from cytobench.phenotypes.realism.memorisation import Memorisation
from cytobench.phenotypes.realism.pairs import Pictured, draw_pairs
from cytobench.phenotypes.realism.parts import parts_of
from cytobench.phenotypes.realism.protocol import COLUMNS, RealismProtocol
from cytobench.phenotypes.realism.scores import realism_line
from cytobench.phenotypes.realism.sets import CellSet, RealCells, shuffled
from cytobench.phenotypes.realism.warnings import warnings_of
from cytobench.progress import progress_bar
from cytobench.results.measures import Line, Measures, Role

FLOOR, CEILING = "other real cells", "real cells, pixels shuffled"
"""What the reference lines are called."""

STAGES = 4
"""That progress counts: real cells, generated cells, their measures, those of the references."""


class Compared(NamedTuple):
    """A set of cells that is compared with the real cells of set A."""

    name: str
    role: Role
    cells: CellSet
    near: Memorisation

    def line(self, real: CellSet, protocol: RealismProtocol) -> Line:
        """Measure it."""
        return realism_line(self.name, self.role, real, self.cells, self.near.copied(protocol.copy_ratio), protocol)


class RealismBenchmark(ModelBenchmark):
    """Distances and overlaps of generated and real cells, as ``protocol.yaml`` in ``folder`` pins them.

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

    def measure(self, model: Model, figures: Path, *, progress: bool = False) -> Measures:
        """Measure a model that generates cells; draws ``realism.png`` and ``memorisation.png`` into ``figures``."""
        protocol, space = self.protocol, self._choice.make(model.channels, model.size)
        with progress_bar(STAGES, "realism", "stage", shown=progress) as bar:
            real = RealCells(model, space, protocol)
            bar.update()
            generated = real.others(generate_like(model, real, protocol.seed), anew=True)
            bar.update()
            compared = self._compared(model, real, generated)
            bar.update()
            result, *references = (one.line(real.a, protocol) for one in compared)
            bar.update()
        measures = Measures(
            benchmark=self.identity,
            under=self._under(model, real, space),
            headline=protocol.headline,
            columns=COLUMNS,
            result=result,
            references=tuple(references),
            parts=parts_of(model, real, generated, protocol),
            warnings=warnings_of(model, real, generated, result, tuple(references)),
        )
        draw_measures(measures, figures / "realism.png", model.title)
        pictured = Pictured(model.title, space.name, model.channels, generated.images, real.searched.images)
        draw_pairs(pictured, compared[0].near, compared[1].near, protocol, figures / "memorisation.png")
        return measures

    def _compared(self, model: Model, real: RealCells, generated: CellSet) -> tuple[Compared, ...]:
        """The generated cells, real cells, and noise with the intensities of real cells, with their nearest training cells."""
        noise = real.others(shuffled(real.a.images, self.protocol.seed), anew=False)
        own = np.arange(real.n, 2 * real.n)
        return (
            Compared(model.name, "method", generated, Memorisation.of(generated, real.searched)),
            Compared(FLOOR, "floor", real.b, Memorisation.of(real.b, real.searched, own)),
            Compared(CEILING, "ceiling", noise, Memorisation.of(noise, real.searched)),
        )

    def _under(self, model: Model, real: RealCells, space: FeatureSpace) -> str:
        features = real.a.features.shape[1]
        sets = f"{real.n:,} generated cells, {real.n:,} real ones, and {real.n:,} other real ones as the floor"
        return (
            f"{space.name}, {features:,} features; {sets}; cells seen as {model.seen}; {len(real.searched):,} searched for copies"
        )


def generate_like(model: Model, real: RealCells, seed: int) -> np.ndarray:
    """Return as many generated cells as set A has, for a conditional model under the treatments of its cells, one for one."""
    images = model.generate(model.noise(real.n, seed), real.rows[: real.n] if model.conditions else None)
    if not np.isfinite(images).all():
        raise CytoBenchError(f"{model.name} generates images that are not finite; its training diverged, so train it anew")
    return images.clip(0, 1)
