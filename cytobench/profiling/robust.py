"""Cells -> wells by other averages than the protocol's mean: a few broken cells move a median or a trimmed mean little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd

from cytobench.errors import CytoBenchError, nearest
from cytobench.profiling.aggregate import cells_to_wells, wells_of

Average = Literal["mean", "median", "trimmed-mean"]
"""How the cells of a well become its profile."""

TRIMMED = 0.1
"""The part of a well's cells that the trimmed mean leaves out at each end (Tukey and McLaughlin 1963, Sankhya A 25, 331-352)."""

BLOCK_VALUES = 2**22
"""Values read at a time (32 MiB in float64); a larger well is read a few features at a time."""


def aggregate_cells(values: np.ndarray, cells: pd.DataFrame, feature_names: Sequence[str], how: Average) -> pd.DataFrame:
    """Average single-cell embeddings over each well, missing values left out feature by feature.

    ``median`` and ``trimmed-mean`` sort the n values that a feature has in a well and average what is left when as many are
    cut at each end: all but the middle one or two, or int(0.1 n), the rule of ``scipy.stats.trim_mean``.

    Args:
        values: (N, D) embeddings, in memory or memory-mapped; NaN entries are left out.
        cells: N rows with ``plate``, ``well``, ``compound`` and ``concentration`` (micromolar).
        feature_names: D column names.
        how: ``mean`` (the same as :func:`~cytobench.profiling.aggregate.cells_to_wells`), ``median`` or ``trimmed-mean``.

    Returns:
        The table that ``cells_to_wells`` gives: one row a well, NaN where no cell of the well had a value.

    Raises:
        CytoBenchError: where there is no such average, or the cells of a well have more than one treatment.
    """
    if how not in get_args(Average):
        known = ", ".join(get_args(Average))
        raise CytoBenchError(f"there is no average {how!r} of cells, only {known}{nearest(how, get_args(Average))}")
    if how == "mean":
        return cells_to_wells(values, cells, feature_names)
    wells, owner = wells_of(cells)
    averages = np.empty((len(wells), values.shape[1]))
    for well, rows in enumerate(_rows_of_wells(owner, len(wells))):
        for features in _feature_blocks(len(rows), values.shape[1]):
            block = np.sort(np.asarray(values[rows, features], np.float64), axis=0)  # NaN comes last
            averages[well, features] = _mean_of_middle(block, how)
    return pd.concat([wells, pd.DataFrame(averages, columns=list(feature_names))], axis=1)


def _mean_of_middle(ordered: np.ndarray, how: Average) -> np.ndarray:
    """The mean of each sorted column of (n, D) without the values cut at both ends and without its NaN: (D,)."""
    present = (~np.isnan(ordered)).sum(axis=0)
    cut = np.maximum(present - 1, 0) // 2 if how == "median" else (TRIMMED * present).astype(int)
    position = np.arange(len(ordered))[:, None]
    kept = (position >= cut) & (position < present - cut)
    sums, counts = np.where(kept, ordered, 0.0).sum(axis=0), present - 2 * cut
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def _rows_of_wells(owner: np.ndarray, wells: int) -> Iterator[np.ndarray]:
    """The rows of each well in the order of the file."""
    order = np.argsort(owner, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(owner, minlength=wells))[:-1])


def _feature_blocks(cells: int, features: int) -> Iterator[slice]:
    """Slices of the features such that one slice of a well's cells holds at most ``BLOCK_VALUES`` values."""
    width = max(1, BLOCK_VALUES // max(cells, 1))
    for start in range(0, features, width):
        yield slice(start, min(start + width, features))
