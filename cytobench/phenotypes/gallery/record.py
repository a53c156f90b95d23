"""What is recorded of galleries, for programs."""

from __future__ import annotations

from typing import Literal

from cytobench.phenotypes.captions import flagged
from cytobench.phenotypes.gallery.gallery import Gallery
from cytobench.phenotypes.pictures import SCALING
from cytobench.results.measures import Measure
from cytobench.schema import Record


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
    whole: bool
    """Whether they are all that the store has."""
    treatment: str | None
    told: Measure | None
    """Of a conditional model: see ``change_by_told``."""
    diversity: float | None
    """Mean distance of two generated cells over that of two of the store's."""
    flagged: int | None
    """How many of the store's cells it flags as noise."""
    scaling: str = SCALING
    files: tuple[str, ...]


class GalleriesRecord(Record):
    """All that one ``cytobench generate`` made."""

    schema_version: Literal[1] = 1
    galleries: tuple[GalleryRecord, ...]
    together: str | None
    """The picture with a row for each model, where there are several."""


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
        whole=made.whole,
        treatment=made.treatment,
        told=made.told,
        diversity=made.diversity,
        flagged=flagged(model, made.rows),
        files=files,
    )
