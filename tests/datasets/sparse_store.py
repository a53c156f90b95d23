"""Stores as large as wanted that take no room: their images are holes in sparse files, all zeros."""

from pathlib import Path

import numpy as np
import pandas as pd

from cytobench.datasets.manifest import TABLE, Part
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import write_manifest

SHAPE = (3, 96, 96)
PART_CELLS = 4_000


def sparse_store(folder: Path, cells: int, part_cells: int = PART_CELLS) -> CellStore:
    """Make a store of (3, 96, 96) uint8 cells in parts, as ``data prepare`` leaves it, without masks."""
    folder.mkdir(parents=True)
    parts, tables = [], []
    for number, start in enumerate(range(0, cells, part_cells)):
        count = min(part_cells, cells - start)
        name = f"images-Week1_{number // 6}-{number % 6:03d}.npy"
        np.lib.format.open_memmap(folder / name, mode="w+", dtype=np.uint8, shape=(count, *SHAPE)).flush()
        parts.append(Part(images=name, images_sha256="0" * 64, rows_sha256="0" * 64, cells=count))
        wells = [f"{row}{column:02d}" for row in "BCDEFG" for column in range(2, 12)]
        well = np.resize(wells, count)
        compound = np.where(np.char.endswith(well, "02"), "DMSO", "taxol")
        rows = {"plate": f"Week1_{number // 6}", "well": well, "compound": compound, "concentration": 0.3, "x": 1.5}
        tables.append(pd.DataFrame(rows))
    facts = {"name": "sparse", "channels": ("DAPI", "Tubulin", "Actin"), "simulated": True, "all_cells_counted": True}
    write_manifest(folder, parts, tables, TABLE, **facts, provenance={})
    return CellStore(folder)
