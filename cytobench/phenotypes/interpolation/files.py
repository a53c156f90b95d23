"""Interpolations, traversals and dose series as files, and what was made as records.

Names of files begin with ``interpolate`` and the method, and hold a checksum of the model and of what was asked of it: the same
call replaces its own files, and never those of another run or seed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cytobench.phenotypes.interpolation.animation import there_and_back, write_gif
from cytobench.phenotypes.interpolation.codes import Traversal, TraversalRecord
from cytobench.phenotypes.interpolation.doses import DoseSeries, DosesRecord, dose_sheet
from cytobench.phenotypes.interpolation.figures import code_frames, code_sheet, path_frames, path_sheet
from cytobench.phenotypes.interpolation.interpolation import Interpolation
from cytobench.phenotypes.interpolation.smoothness_figures import draw_smoothness
from cytobench.phenotypes.interpolation.smoothness_record import Smoothness
from cytobench.phenotypes.naming import stem_of
from cytobench.phenotypes.pictures import write_picture
from cytobench.schema import Record


class InterpolationRecord(Record):
    """What one interpolation shows and measured, for programs."""

    schema_version: Literal[1] = 1
    model: str
    title: str
    seen: str
    space: Literal["noise", "latent"]
    paths: tuple[str, ...]
    seed: int
    cells: tuple[tuple[int, int], ...] | None
    """Rows of the cells that the shown paths run between; None of noise."""
    groups: tuple[str, str] | None
    smoothness: Smoothness | None
    files: tuple[str, ...]


def write_interpolation(made: Interpolation, measured: Smoothness | None, folder: Path, pairs: int) -> InterpolationRecord:
    """Write the first ``pairs`` paths as a picture and an animation, and what was measured of all as a plot."""
    model = made.model
    ends = None if made.cells is None else made.cells.tolist()
    asked = (made.seed, pairs, made.pairs, len(made.places), list(made.images), ends, measured and measured.features)
    stem = stem_of("interpolate", model, made.space, *(made.groups or ()), asked=asked)
    picture, animation, plot = (folder / f"{stem}{ending}" for ending in (".png", ".gif", "-smoothness.png"))
    write_picture(path_sheet(made, pairs), picture)
    write_gif(there_and_back(path_frames(made, pairs)), animation, ends=(0, len(made.places) - 1))
    if measured is not None:
        draw_smoothness(measured, plot)
    return InterpolationRecord(
        model=model.name,
        title=model.title,
        seen=model.seen,
        space=made.space,
        paths=tuple(made.images),
        seed=made.seed,
        cells=None if made.cells is None else tuple((int(start), int(end)) for start, end in made.cells[:pairs]),
        groups=made.groups,
        smoothness=measured,
        files=tuple(str(path) for path in (picture, animation, *([plot] if measured else []))),
    )


def write_traversal(made: Traversal, folder: Path) -> TraversalRecord:
    """Write a traversal of codes as a picture and an animation."""
    model = made.model
    stem = stem_of("interpolate", model, "codes", asked=(made.seed, *made.images.shape[1:3]))
    picture, animation = folder / f"{stem}.png", folder / f"{stem}.gif"
    write_picture(code_sheet(made), picture)
    write_gif(there_and_back(code_frames(made)), animation, ends=(0, len(made.values) - 1))
    return TraversalRecord(
        model=model.name,
        title=model.title,
        seen=model.seen,
        seed=made.seed,
        values=tuple(made.values.tolist()),
        changes=made.changes,
        files=(str(picture), str(animation)),
    )


def write_doses(made: DoseSeries, folder: Path) -> DosesRecord:
    """Write a dose series as a picture."""
    asked = (made.record.seed, *(dose.shown for dose in made.record.doses))
    path = folder / f"{stem_of('interpolate', made.model, 'doses', made.record.compound, asked=asked)}.png"
    write_picture(dose_sheet(made), path)
    return made.record.model_copy(update={"files": (str(path),)})
