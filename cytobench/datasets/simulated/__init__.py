"""The data set ``simulated``: a screen like BBBC021 with drawn cells, for tests and first steps without a download.

No figure on it says anything about biology; it is marked as simulated wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from cytobench.datasets.simulated.drawing import draw
from cytobench.datasets.simulated.microscope import batch_of, photograph, with_neighbours
from cytobench.datasets.simulated.parameters import ScreenParameters, read_parameters
from cytobench.datasets.simulated.phenotypes import draw_cells, generator, well_effects
from cytobench.datasets.simulated.screen import plate_map
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter

__all__ = ["CHANNELS", "ScreenParameters", "plate_map", "read_parameters", "simulate"]

CHANNELS = ("DNA", "Tubulin", "Actin")
COLUMNS = ["plate", "well", "site", "replicate", "compound", "concentration", "x", "y"]
"""The store's columns: what a real screen would know, so neither mechanism nor drawn traits."""


def simulate(
    out: Path, *, seed: int = 0, parameters: ScreenParameters | None = None, progress: Callable[[int, int], None] | None = None
) -> CellStore:
    """Draw the simulated screen: 103 treatments and DMSO on 30 plates of 10 weeks, about 6,000 cells.

    Args:
        out: the folder to make; it must not exist.
        seed: another seed draws other cells, batches and side effects; equal seeds and parameters give equal bytes.
        parameters: by default those of ``screen.yaml``.
        progress: called with the plates done and the plates in all.

    Returns:
        A store of (3, 64, 64) uint16 cells with masks.
    """
    parameters = parameters or read_parameters()
    wells = plate_map(parameters)
    wells = wells.assign(effect=well_effects(wells, seed, parameters))
    plates = [plate for _, plate in wells.groupby("plate", sort=False)]
    provenance = {"source": "drawn by cytobench, not photographed", "seed": str(seed), "parameters_sha256": parameters.sha256}
    with CellStoreWriter(
        out, name="simulated", channels=CHANNELS, simulated=True, all_cells_counted=True, provenance=provenance
    ) as writer:
        for done, plate in enumerate(plates, start=1):
            writer.append(*_simulate_plate(plate.reset_index(drop=True), seed, parameters))
            if progress:
                progress(done, len(plates))
    return CellStore(out)


def _simulate_plate(wells: pd.DataFrame, seed: int, parameters: ScreenParameters) -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    """The images, the table and the masks of one plate, from random numbers of its own."""
    week, name = wells.week[0], wells.plate[0]
    rng, batch = generator(seed, "cells", name), batch_of(week, name, seed, parameters)
    cells = draw_cells(wells, seed, parameters, rng)
    cells = cells.assign(cell_radius=cells.cell_radius * batch.size, nucleus_radius=cells.nucleus_radius * batch.size)
    table = _table(wells, cells, parameters, rng)
    alone, masks = draw(cells, parameters.crop, rng)
    crowded = with_neighbours(alone, masks, cells, rng)
    positions = table[["x", "y"]].to_numpy()
    return photograph(crowded, batch, positions, parameters.field, parameters.optics, rng), table, masks


def _table(wells: pd.DataFrame, cells: pd.DataFrame, parameters: ScreenParameters, rng: np.random.Generator) -> pd.DataFrame:
    """One row a cell, with its site and its position in that site's field of view (px)."""
    margin = parameters.crop // 2
    known = wells.iloc[cells.well_row].reset_index(drop=True)
    places = {axis: rng.integers(margin, side - margin, len(cells)) for axis, side in zip("xy", parameters.field, strict=True)}
    return known.assign(site=rng.integers(1, parameters.sites + 1, len(cells)), **places)[COLUMNS]
