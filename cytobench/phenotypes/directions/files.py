"""Write the directions of a model: pictures, vectors and numbers."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.files import replacing, slug, write_text
from cytobench.phenotypes.directions.figures import draw_summary, draw_walk
from cytobench.phenotypes.directions.report import DirectionsReport
from cytobench.phenotypes.directions.series import Walked
from cytobench.schema import dump_json, load_json


def write_directions(report: DirectionsReport, walked: list[Walked], channels: tuple[str, ...], folder: Path) -> DirectionsReport:
    """Write all files of the directions of a model, and return the report that names them.

    ``directions-METHOD.json`` holds the report, ``directions-METHOD.npz`` a unit vector (Z,) under each property's name (zeros
    where it does not depend on the noise), ``directions-METHOD.png`` the table, ``directions-METHOD-PROPERTY.png`` the cells.
    Where another report of the method is there, the files are numbered.
    """
    stem = _stem(report, folder)
    files = []
    for one in walked:
        if one.images is not None:
            files.append(folder / f"{stem}-{one.direction.name}.png")
            draw_walk(files[-1], one, report, channels)
    if files:
        files.append(folder / f"{stem}.png")
        draw_summary(files[-1], report)
    files += [folder / f"{stem}.npz", folder / f"{stem}.json"]
    vectors = {one.direction.name: one.direction.vector for one in walked}
    with replacing(files[-2]) as temporary:
        np.savez(temporary, **vectors)  # type: ignore[arg-type]
    named = report.model_copy(update={"files": tuple(map(str, files))})
    write_text(files[-1], dump_json(named))
    return named


def _stem(report: DirectionsReport, folder: Path) -> str:
    """How the files' names begin: as those of an equal report, else as no file of another does."""
    first = slug("directions", report.model)
    stems = (first if number == 1 else f"{first}-{number}" for number in count(1))
    return next(stem for stem in stems if _free(folder / f"{stem}.json", report))


def _free(path: Path, report: DirectionsReport) -> bool:
    try:
        return not path.exists() or load_json(DirectionsReport, path).model_copy(update={"files": ()}) == report
    except CytoBenchError:  # some other file, or a report of another version
        return False
