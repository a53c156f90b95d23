"""What a model makes of noise, beside real cells as it sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.cohorts import ROW, Cohorts
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.pictures import SCALING, legend
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
    """(m,) rows of the store's cells, rising."""
    treatment: str | None = None
    """What a conditional model was told, and what these cells were treated with; None for any cells."""

    @property
    def cells(self) -> np.ndarray:
        """The store's cells (m, C, H, W) as the model sees them."""
        return self.model.real(self.rows)

    @property
    def kind(self) -> Literal["real", "simulated"]:
        """What the store's cells are; a simulated cell is never called real."""
        return kind_of(self.model)


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
        treatment = cohorts_name(cohorts, treatment)
        known = cohorts.rows(treatment)
    rows = np.sort(np.random.default_rng(seed).choice(known, min(n, len(known)), replace=False))
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


def kind_of(model: Model) -> Literal["real", "simulated"]:
    """What the cells of a model's store are called: ``real``, or where they were drawn by a program ``simulated``."""
    return "simulated" if model.store.simulated else "real"


def cohorts_name(cohorts: Cohorts, name: str) -> str:
    """Return a name of cells as it is spelt in the store, and one cell's (``row:12``) as it is."""
    return name.strip() if ROW.fullmatch(name.strip()) else cohorts.named(name)


def caption(model: Model, zoom: int) -> str:
    """Colours, display scaling and scale of a picture of a model's cells."""
    pixels = f"each pixel drawn {zoom} x {zoom}" if zoom > 1 else "pixel for pixel"
    return f"{legend(model.channels)}; {SCALING}. Input: {model.seen}, {pixels}."
