"""The data sets made from BBBC021 elsewhere, found under ``CYTOBENCH_DATA``."""

from __future__ import annotations

from pathlib import Path

from cytobench.datasets.crops import import_crops
from cytobench.datasets.profile_table import ProfileTable
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.files import locked, sha256
from cytobench.locations import cache_folder, data_folder


def crops() -> CellStore:
    """The data set ``bbbc021-crops``: 1,996 real single-cell crops, under ``CYTOBENCH_DATA``/bbbc021_cells."""
    folder = _brought("bbbc021-crops", "bbbc021_cells")
    images, index = folder / "cells.npz", folder / "cells_index.csv"
    if not images.is_file() or not index.is_file():
        raise CytoBenchError(f"{folder}: has no cells.npz and cells_index.csv, which bbbc021-crops is made from")
    store = cache_folder() / f"bbbc021-crops-{sha256(images)[:12]}-{sha256(index)[:12]}"
    with locked(store.with_suffix(".lock"), str(store), wait=600):
        if not store.exists():
            source = (
                "github.com/mikkelnrasmussen/deep_learning_project (MIT); images BBBC021v1, Broad Bioimage Benchmark Collection"
            )
            return import_crops(images, index, ("DAPI", "Actin", "Tubulin"), store, name="bbbc021-crops", source=source)
    return CellStore(store)


def ljosa2013() -> ProfileTable:
    """The data set ``ljosa2013``: CellProfiler profiles of 632 wells, under ``CYTOBENCH_DATA``/ljosa2013."""
    return ProfileTable.read(_brought("ljosa2013", "ljosa2013") / "per_well_mean.csv.gz", name="ljosa2013")


def _brought(name: str, folder: str) -> Path:
    data = data_folder()
    if data is None or not (data / folder).is_dir():
        where = "CYTOBENCH_DATA is not set" if data is None else f"{data / folder} is not there"
        raise CytoBenchError(f"the data set {name} is not here: {where}; set CYTOBENCH_DATA to the folder that holds {folder}/")
    return data / folder
