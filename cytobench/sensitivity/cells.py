"""The cells behind a run's profiles, for the choices that are made before wells are averaged."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytobench import registry
from cytobench.datasets.opening import open_dataset
from cytobench.datasets.profiles import feature_columns
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.profiling.aggregate import cells_to_wells
from cytobench.profiling.postprocess import NotAvailableError
from cytobench.results.runs import Run

ROUNDING = 1e-6
"""Part of a value in which the mean over cells may differ from the run's profiles."""


@dataclass(frozen=True)
class EmbeddedCells:
    """One vector a cell."""

    values: np.ndarray
    """(N, D) float32, memory-mapped."""
    cells: pd.DataFrame
    """N rows: plate, well, compound, concentration."""
    feature_names: list[str]


def cells_of(run: Run, profiles: pd.DataFrame) -> EmbeddedCells:
    """Open the embeddings and the cell table of a run.

    Args:
        run: finished.
        profiles: its profile table.

    Raises:
        NotAvailableError: where the run keeps no embeddings, or its cell store is not found.
        CytoBenchError: where the embeddings are not those of the profiles.
    """
    path = run.path / "embeddings.npy"
    if not path.is_file():
        raise NotAvailableError("the run keeps no embeddings of single cells")
    store, values = _store_of(run), np.load(path, mmap_mode="r")
    if len(values) != len(store):
        raise CytoBenchError(f"{path}: {len(values)} rows, but {store.path} has {len(store)} cells; run it again")
    if values.ndim != 2 or values.shape[1] != len(feature_columns(profiles)):
        raise CytoBenchError(f"{path}: {values.shape} values, which profiles.parquet has no feature columns for; run it again")
    found = EmbeddedCells(values, store.cells, feature_columns(profiles))
    means = cells_to_wells(values, found.cells, found.feature_names)
    here = means[found.feature_names].to_numpy()
    there = profiles[found.feature_names].to_numpy(np.float64)
    if here.shape != there.shape or not np.allclose(here, there, rtol=ROUNDING, atol=1e-12, equal_nan=True):
        raise CytoBenchError(f"{path}: its mean over the cells of each well is not profiles.parquet; run it again")
    return found


def _store_of(run: Run) -> CellStore:
    """The store that the run embedded, by its name or by the path that was asked for."""
    record, words = run.record, shlex.split(run.record.command)
    named = [after for word, after in zip(words, words[1:], strict=False) if word == "--dataset"]
    known = registry.datasets()
    for place in dict.fromkeys([*named, *([record.dataset] if record.dataset in known else [])]):
        try:
            data = open_dataset(place)
        except CytoBenchError:
            continue  # the next place may hold it; what is found nowhere is said below
        if isinstance(data, CellStore) and data.identity == record.dataset_identity:
            return data
    raise NotAvailableError(f"the cell store {record.dataset} of the run is not on this machine, or holds other cells now")
