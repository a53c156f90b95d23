"""What a model makes of noise, beside real cells as it sees them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.gallery.told import change_by_told
from cytobench.phenotypes.model import PART, Model
from cytobench.progress import progress_bar
from cytobench.results.measures import Measure
from cytobench.training.collapse import diversity


@dataclass(frozen=True)
class Gallery:
    """Cells that a model made, and cells of its store."""

    model: Model
    seed: int
    noise: np.ndarray
    """(n, Z)."""
    generated: np.ndarray
    """(n, C, H, W) in [0, 1]."""
    rows: np.ndarray
    """(m,) rows of the store's cells in the order in which they were drawn, so that the first few are a random sample too."""
    treatment: str | None = None
    """What a conditional model was told, and what these cells were treated with; None for any cells."""
    told_rows: np.ndarray | None = None
    """(n,) rows of the store's cells whose treatments a conditional model was told, one a generated cell."""
    whole: bool = False
    """Whether ``rows`` are all such cells that the store has."""

    @cached_property
    def cells(self) -> np.ndarray:
        """The store's cells (m, C, H, W) as the model sees them."""
        return self.model.real(self.rows)

    @cached_property
    def told(self) -> Measure | None:
        """How much it matters what the model was told; None where it is told nothing."""
        return None if self.told_rows is None else change_by_told(self.model, self.noise, self.told_rows, self.seed)

    @cached_property
    def diversity(self) -> float | None:
        """How varied the generated cells are beside the store's; None where either are too few or all alike."""
        if min(len(self.generated), len(self.rows)) < 2 or not np.ptp(self.cells, axis=0).any():
            return None
        return diversity(torch.from_numpy(self.cells), torch.from_numpy(self.generated))

    @property
    def kind(self) -> Literal["real", "simulated"]:
        """What the store's cells are; a simulated cell is never called real."""
        return self.model.kind


def gallery(model: Model, n: int, seed: int, cohorts: Cohorts | None = None, treatment: str | None = None) -> Gallery:
    """Generate ``n`` cells, and draw as many of the store's to lie beside them.

    A conditional model is told the treatments of the cells beside its own: of cells drawn at random, or of ``treatment``.

    Args:
        model: generates.
        n: cells.
        seed: of the noise and of the choice of cells.
        cohorts: of the model's store; needed for ``treatment`` only.
        treatment: as ``Cohorts`` names cells; for a conditional model.

    Raises:
        CytoBenchError: where the model generates nothing, or is told nothing and ``treatment`` is given.
    """
    noise = model.noise(n, seed)
    known = np.arange(len(model.store))
    if treatment is not None:
        if not model.conditions:
            raise CytoBenchError(
                f"{model.name} is told no treatment; leave out --treatment {treatment}, or take a run of a conditional method"
            )
        assert cohorts is not None  # they come with a treatment
        treatment = cohorts.name_of(treatment)
        known = cohorts.rows(treatment)
    rows = np.random.default_rng(seed).permutation(known)[:n]
    told = np.resize(rows, n) if model.conditions else None
    return Gallery(model, seed, noise, _generated(model, noise, told), rows, treatment, told, n >= len(known))


def _generated(model: Model, noise: np.ndarray, told: np.ndarray | None) -> np.ndarray:
    images = []
    with progress_bar(len(noise), model.name, "cell") as bar:
        for start in range(0, len(noise), PART):
            part = slice(start, start + PART)
            images.append(model.generate(noise[part], None if told is None else told[part]))
            bar.update(len(images[-1]))
    return np.concatenate(images)
