"""Which cells are embedded in every version, and which cell gives each its swapped channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytobench.benchmark import MOABenchmark
from cytobench.datasets.profiles import treatment_names
from cytobench.datasets.store import CellStore
from cytobench.scoring.screen import Screen

CHUNK = 1024
"""Cells at a time, to the end of a well; no result depends on it but by rounding."""


@dataclass(frozen=True)
class ScoredCells:
    """Cells of the wells that a score counts, well by well."""

    rows: np.ndarray
    """(n,) in the store."""
    table: pd.DataFrame
    """Their n rows of the store's table."""
    wells: np.ndarray
    """(n,) the number of each cell's well, rising."""
    partners: np.ndarray
    """(n,) the position among the n of another cell of the same well; its own for a cell that is alone in its well."""
    dealt: np.ndarray
    """(n,) the position of another cell of the same treatment, from whichever well."""

    @property
    def swapped(self) -> np.ndarray:
        """(n,) bool: which have a partner."""
        return self.partners != np.arange(len(self.rows))

    def chunks(self) -> Iterator[slice]:
        """Positions of some cells at a time, wells kept whole."""
        begins = np.append(np.flatnonzero(np.diff(self.wells, prepend=-1)), len(self.rows))
        start = 0
        while start < len(self.rows):
            stop = int(begins[np.searchsorted(begins, min(start + CHUNK, len(self.rows)))])
            yield slice(start, stop)
            start = stop


def scored_cells(store: CellStore, moa: MOABenchmark, per_well: int, seed: int) -> ScoredCells:
    """Choose the cells of a store that are embedded, and draw who swaps with whom.

    Args:
        store: all cells.
        moa: whose wells count.
        per_well: the most cells of one well.
        seed: of all that is drawn.

    Raises:
        CytoBenchError: where no well counts.
    """
    counted = scored_wells(store, moa)
    rows = np.flatnonzero(pd.MultiIndex.from_frame(store.cells[["plate", "well"]]).isin(counted))
    generator = np.random.default_rng(seed)
    rows = rows[_rank(generator.random(len(rows)), _numbers(store.cells.iloc[rows])) < per_well]
    rows = rows[np.argsort(_numbers(store.cells.iloc[rows]), kind="stable")]
    table = store.cells.iloc[rows].reset_index(drop=True)
    wells = _numbers(table)
    treatments = np.unique(treatment_names(table["compound"], table["concentration"]), return_inverse=True)[1]
    return ScoredCells(rows, table, wells, derangement(wells, generator), derangement(treatments, generator))


def scored_wells(store: CellStore, moa: MOABenchmark) -> pd.MultiIndex:
    """The plate and well of each well that a score counts; CytoBenchError where none does."""
    screen = Screen(moa.protocol, moa.treatments, store.wells())
    return pd.MultiIndex.from_frame(screen.wells[["Metadata_Plate", "Metadata_Well"]])


def derangement(groups: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Exchange members within each of ``groups`` (n,): positions (n,) that leave no member in place but one that is alone.

    Each group is one random cycle, so no two members get the same.
    """
    order = np.lexsort((generator.random(len(groups)), groups))
    first = np.flatnonzero(np.diff(groups[order], prepend=-1))
    last = np.append(first[1:], len(order)) - 1
    following = np.roll(order, -1)
    following[last] = order[first]
    moved = np.empty_like(order)
    moved[order] = following
    return moved


def _numbers(table: pd.DataFrame) -> np.ndarray:
    return table.groupby(["plate", "well"], sort=True, observed=True).ngroup().to_numpy()


def _rank(keys: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The rank, from 0, of each key within its group."""
    return pd.Series(keys).groupby(groups).rank(method="first").to_numpy() - 1
