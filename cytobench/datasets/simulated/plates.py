"""Draw one plate of the simulated screen: its archive of images and the truth about them."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from cytobench.datasets.layout import CHANNELS, archive_name
from cytobench.datasets.simulated.fields import Field, draw_well
from cytobench.datasets.simulated.image_set import add_image, file_name, write_labels
from cytobench.datasets.simulated.microscope import batch_of, illumination
from cytobench.datasets.simulated.parameters import ScreenParameters
from cytobench.datasets.simulated.phenotypes import draw_cells, generator


class Truth(NamedTuple):
    """What is known of a plate that was drawn."""

    fields: pd.DataFrame
    """plate, well, site, and the facts of each field."""
    cells: pd.DataFrame
    """plate, well, site, and the table of its cells."""


def draw_plate(folder: Path, wells: pd.DataFrame, chosen: Collection[str], seed: int, parameters: ScreenParameters) -> Truth:
    """Draw a plate into ``folder``: its archive, its labels and its illumination.

    All chance comes from the seed and the names of plate and well, so a well is the same whatever else is drawn.

    Args:
        folder: of the image set.
        wells: the plate's, as of ``plate_map`` with ``effect`` from ``well_effects``.
        chosen: the wells to draw.
        seed: of the screen.
        parameters: the screen's.
    """
    wells = wells.reset_index(drop=True)
    week, plate = wells.week[0], wells.plate[0]
    batch, light = batch_of(week, plate, seed, parameters), illumination(plate, seed, parameters)
    cells = draw_cells(wells, seed, parameters, generator(seed, "cells", plate))
    cells = cells.assign(cell_radius=cells.cell_radius * batch.size, nucleus_radius=cells.nucleus_radius * batch.size)
    (folder / "truth" / plate).mkdir(parents=True)
    np.save(folder / "truth" / f"illumination-{plate}.npy", light)
    facts, tables = [], []
    with zipfile.ZipFile(folder / archive_name(plate), "w") as archive:
        for row, well in enumerate(wells.well):
            if well not in chosen:
                continue
            of_well = cells[cells.well_row == row]
            for field in draw_well(of_well, batch, light, parameters, generator(seed, "well", plate, well)):
                _write(archive, folder, field, (week, plate, well), seed)
                place = {"plate": plate, "well": well, "site": field.site}
                facts.append({**place, **field.facts._asdict()})
                tables.append(field.cell_table.assign(**place)[[*place, *field.cell_table]])
    return Truth(pd.DataFrame(facts), pd.concat(tables, ignore_index=True))


def _write(archive: zipfile.ZipFile, folder: Path, field: Field, position: tuple[str, str, str], seed: int) -> None:
    """Write the images of a field into the archive and its labels beside it; ``position`` is week, plate and well."""
    week, plate, well = position
    for channel, image in zip(CHANNELS, field.image, strict=True):
        add_image(archive, f"{plate}/{file_name(week, plate, well, field.site, channel, seed)}", image)
    for name, labels in (("nuclei", field.nuclei), ("cells", field.cells)):
        write_labels(folder / "truth" / plate / f"{well}_s{field.site}_{name}.tif", labels)
