"""Averages: cells -> wells, wells -> treatments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from cytobench.errors import CytoBenchError

CHUNK_CELLS = 65_536
"""Cells read at a time, so that memory does not grow with the number of cells."""


def cells_to_wells(values: np.ndarray, cells: pd.DataFrame, feature_names: Sequence[str]) -> pd.DataFrame:
    """Average single-cell embeddings over each well.

    Args:
        values: (N, D) embeddings, in memory or memory-mapped; NaN entries are left out of the mean.
        cells: N rows with ``plate``, ``well``, ``compound`` and ``concentration`` (micromolar).
        feature_names: D column names.

    Returns:
        The profile table, one row a well: ``Metadata_`` columns (``Metadata_Cells`` counts the cells) and D features
        in float64; NaN where no cell of the well had a value.
    """
    wells, owner = wells_of(cells)
    sums, counts = np.zeros((len(wells), values.shape[1])), np.zeros((len(wells), values.shape[1]))
    for start in range(0, len(values), CHUNK_CELLS):
        chunk = np.asarray(values[start : start + CHUNK_CELLS], np.float64)
        rows = owner[start : start + CHUNK_CELLS]
        member = sparse.csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(len(wells), len(rows)))
        present = ~np.isnan(chunk)
        sums += member @ np.where(present, chunk, 0.0)
        counts += member @ present.astype(np.float64)
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return pd.concat([wells, pd.DataFrame(means, columns=list(feature_names))], axis=1)


def impute(values: np.ndarray, control: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Fill missing well values by the median of the feature over the control wells (over all wells where those have none).

    Args:
        values: (wells, D), with NaN where a value is missing.
        control: (wells,) bool, the control wells.

    Returns:
        The filled (wells, D') values without the features that have no value in any well, how many entries were filled, and
        how many features were dropped.
    """
    missing = np.isnan(values)
    if not missing.any():
        return values, 0, 0
    kept = ~missing.all(axis=0)
    values, missing = values[:, kept].copy(), missing[:, kept]
    for column in np.flatnonzero(missing.any(axis=0)):
        known = values[control & ~missing[:, column], column]
        known = known if len(known) else values[~missing[:, column], column]
        values[missing[:, column], column] = np.median(known)
    return values, int(missing.sum()), int((~kept).sum())


def mean_by_group(values: np.ndarray, owner: np.ndarray, groups: int) -> np.ndarray:
    """Average the rows of ``values`` (n, D) that have the same ``owner`` (n,) in 0..groups-1: (groups, D)."""
    member = sparse.csr_array((np.ones(len(owner)), (owner, np.arange(len(owner)))), shape=(groups, len(owner)))
    counts = np.bincount(owner, minlength=groups)[:, None]
    means: np.ndarray = (member @ values) / counts
    return means


def wells_of(cells: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return one row a well (plate, well, compound, concentration, cells), sorted, and the index of each cell's well."""
    grouped = cells.groupby(["plate", "well"], sort=True, observed=True)
    for column in ("compound", "concentration"):
        mixed = grouped[column].nunique(dropna=False)
        if (mixed > 1).any():
            plate, well = mixed.index[int(np.argmax(mixed.to_numpy() > 1))]
            raise CytoBenchError(f"plate {plate}, well {well}: its cells have more than one {column}; correct them")
    wells = grouped.agg(compound=("compound", "first"), concentration=("concentration", "first"), cells=("well", "size"))
    if "flagged" in cells:
        wells["flagged"] = grouped["flagged"].sum()
    wells = wells.reset_index().rename(columns=lambda name: f"Metadata_{name.capitalize()}")
    return wells, grouped.ngroup().to_numpy()
