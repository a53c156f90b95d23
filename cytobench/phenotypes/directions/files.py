"""Write the directions of a model: pictures, vectors and numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cytobench.files import replacing, write_text
from cytobench.phenotypes.directions.figures import draw_walk
from cytobench.phenotypes.directions.report import DirectionsReport
from cytobench.phenotypes.directions.series import Walked
from cytobench.phenotypes.directions.summary import draw_summary
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.naming import stem_of
from cytobench.schema import dump_json


def write_directions(report: DirectionsReport, walked: list[Walked], model: Model, folder: Path) -> DirectionsReport:
    """Write all files of the directions of a model, and return the report that names them.

    ``directions-METHOD-KEY.json`` holds the report, ``.npz`` a unit vector (Z,) under each property's name (zeros where it does
    not depend on the noise), ``.png`` the table, ``-PROPERTY.png`` the cells; the key tells model and question from others.
    """
    stem = stem_of("directions", model, asked=(report.under, report.steps, *(one.property for one in report.directions)))
    files = []
    for one in walked:
        if one.images is not None:
            files.append(folder / f"{stem}-{one.direction.name}.png")
            draw_walk(files[-1], one, report, model.channels)
    if files:
        files.append(folder / f"{stem}.png")
        draw_summary(files[-1], report, model.channels)
    files += [folder / f"{stem}.npz", folder / f"{stem}.json"]
    vectors = {one.direction.name: one.direction.vector for one in walked}
    with replacing(files[-2]) as temporary:
        np.savez(temporary, **vectors)  # type: ignore[arg-type]
    named = report.model_copy(update={"files": tuple(map(str, files))})
    write_text(files[-1], dump_json(named))
    return named
