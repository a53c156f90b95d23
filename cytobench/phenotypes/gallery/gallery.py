"""What a model makes of noise, beside real cells as it sees them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.pictures import SCALING
from cytobench.schema import Record


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

    @cached_property
    def cells(self) -> np.ndarray:
        """The store's cells (m, C, H, W) as the model sees them."""
        return self.model.real(self.rows)

    @property
    def kind(self) -> Literal["real", "simulated"]:
        """What the store's cells are; a simulated cell is never called real."""
        return self.model.kind


class GalleryRecord(Record):
    """What a gallery holds and where it was written, for programs."""

    model: str
    title: str
    channels: tuple[str, ...]
    seen: str
    seed: int
    generated: int
    compared: int
    """Cells of the store beside them."""
    kind: Literal["real", "simulated"]
    treatment: str | None
    scaling: str = SCALING
    files: tuple[str, ...]


class GalleriesRecord(Record):
    """All that one ``cytobench generate`` made."""

    schema_version: Literal[1] = 1
    galleries: tuple[GalleryRecord, ...]
    together: str | None
    """The picture with a row for each model, where there are several."""


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
    rows = np.random.default_rng(seed).choice(known, min(n, len(known)), replace=False)
    return Gallery(model, seed, noise, model.generate(noise, np.resize(rows, n)), rows, treatment)


def record_of(made: Gallery, files: tuple[str, ...]) -> GalleryRecord:
    """Say what a gallery holds."""
    model = made.model
    return GalleryRecord(
        model=model.name,
        title=model.title,
        channels=model.channels,
        seen=model.seen,
        seed=made.seed,
        generated=len(made.generated),
        compared=len(made.rows),
        kind=made.kind,
        treatment=made.treatment,
        files=files,
    )
