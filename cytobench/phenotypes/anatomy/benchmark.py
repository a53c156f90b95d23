"""The benchmark ``bbbc021-anatomy``: do synthesised cells have the anatomy of real ones, a nucleus cradled by tubulin?"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import Field

from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.files import sha256_text
from cytobench.phenotypes.anatomy.columns import HEADLINE, columns_of
from cytobench.phenotypes.anatomy.distance import Resampling, compare
from cytobench.phenotypes.anatomy.figures import draw_distributions, draw_radial
from cytobench.phenotypes.anatomy.measuring import Anatomy, AnatomySpec, measure_anatomy
from cytobench.phenotypes.benchmark import ModelBenchmark, ModelProtocol
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.pictures import spoken, stain_of
from cytobench.phenotypes.shuffling import shuffled
from cytobench.progress import progress_bar
from cytobench.results.keys import MASKED_BY, MASKING, source_of_modules
from cytobench.results.measures import Line, Measure, Measures
from cytobench.versions import installed_version

FLOOR, CEILING = "{} cells (another half)", "{} cells, pixels shuffled"
"""What the references are called, of real or simulated cells."""


class AnatomyProtocol(ModelProtocol):
    """What ``protocol.yaml`` says."""

    cells: int = Field(ge=10)
    fewest: int = Field(ge=10)
    anatomy: AnatomySpec
    intervals: Resampling


class AnatomyBenchmark(ModelBenchmark):
    """Generated against real cells, as ``protocol.yaml`` in ``folder`` pins it."""

    requires = "generative"
    record = AnatomyProtocol

    @cached_property
    def key(self) -> str:
        """Its identity, and the sha256 of all that finds nuclei and cells."""
        return f"{self.identity} {sha256_text(source_of_modules(MASKING), *map(installed_version, MASKED_BY))}"

    def check(self, store: CellStore, channels: tuple[str, ...], size: int) -> None:
        """Refuse too few cells, and channels that show no nucleus or no tubulin."""
        self._size(store)
        for stain in ("dna", "tubulin"):
            if stain not in map(stain_of, channels):
                raise CytoBenchError(
                    f"{self.name} measures where tubulin lies about the nucleus, and no channel of {store.name} "
                    f"({', '.join(channels)}) is named after {spoken(stain)}; give cells that show it"
                )

    def measure(self, model: Model, figures: Path, *, progress: bool = False) -> Measures:
        """Measure a model; of each of four sets of equal size a cell takes about 8 ms.

        A conditional model is told what the cells of the other real half were treated with.
        """
        protocol, spec = self.protocol, self.protocol.intervals
        self.check(model.store, model.channels, model.size)
        n, kind = self._size(model.store), model.kind
        chosen = np.random.default_rng(spec.seed).permutation(len(model.store))
        halves = chosen[:n], chosen[n : 2 * n]
        with progress_bar(4 * n, "measure cells", "cell", shown=progress) as bar:

            def measured(images: np.ndarray) -> Anatomy:
                anatomy = measure_anatomy(images, model.channels, protocol.anatomy)
                bar.update(n)
                return anatomy

            other = model.real(halves[1])
            real, floor, ceiling = measured(model.real(halves[0])), measured(other), measured(shuffled(other, spec.seed))
            generated = measured(model.generate(model.noise(n, spec.seed), halves[1]))
        draw_radial(figures / "radial.png", model.title, model.seen, kind, (real, floor, generated), protocol.anatomy, spec)
        draw_distributions(figures / "anatomy.png", model.title, model.seen, kind, real, generated)
        result, worst = (compare(real, others, floor, spec) for others in (generated, ceiling))
        best = compare(real, floor, None, spec)
        lines = (
            Line(name=FLOOR.format(kind), role="floor", measures=best),
            Line(name=CEILING.format(kind), role="ceiling", measures=worst),
        )
        return Measures(
            benchmark=self.identity,
            under=f"{n} generated against {n} {kind} cells of {model.store.name}, {model.seen}",
            headline=HEADLINE,
            columns=columns_of(protocol.anatomy),
            result=Line(name=model.name, role="method", measures=result),
            references=lines,
            warnings=self._warnings(model, kind, result, best),
        )

    def _size(self, store: CellStore) -> int:
        n: int = min(self.protocol.cells, len(store) // 2)
        if n < self.protocol.fewest:
            raise CytoBenchError(
                f"{store.name} has {len(store)} cells, but {self.name} needs at least {2 * self.protocol.fewest}; "
                "give a larger store"
            )
        return n

    def _warnings(self, model: Model, kind: str, result: dict[str, Measure], floor: dict[str, Measure]) -> tuple[str, ...]:
        told = [_claim(f"{kind} cells here", floor["halo"]), _claim(model.name, result["halo"])]
        if model.recipe.input.scaling == "luminance":
            told.append("each channel of a cell is divided by its own maximum (luminance), so absolute contents are not seen")
        lost = result["no_nucleus"]
        if lost.low is not None and floor["no_nucleus"].high is not None and lost.low > floor["no_nucleus"].high:
            told.append(
                f"{model.name}: no nucleus is found in {lost.value:.0%} of the generated images, more than in {kind} ones"
            )
        return tuple(told)


def _claim(whose: str, halo: Measure) -> str:
    """Whether tubulin is brighter around the nucleus than over it, as the paper shows its cells."""
    assert halo.value is not None and halo.low is not None and halo.high is not None  # the check has seen tubulin
    verdict = "a halo" if halo.low > 1 else "no halo" if halo.high < 1 else "a halo is neither shown nor ruled out"
    return f"{whose}: {verdict}: tubulin around the nucleus is {halo.value:.3f} [{halo.low:.3f}, {halo.high:.3f}] of that over it"
