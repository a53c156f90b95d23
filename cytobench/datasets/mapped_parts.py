"""The parts of a store as one array: memory-mapped, read in any order, never held."""

from __future__ import annotations

import mmap
from collections.abc import Sequence

import numpy as np
import psutil

ROOM = 0.5
"""Share of the machine's memory up to which a store is taken to stay in the system's cache once it was read."""


class MappedParts:
    """Rows of several ``.npy`` files, numbered through.

    Args:
        parts: memory-mapped arrays (n, ...) of one type and one shape of rows.
        starts: the number of each part's first row, and of the row after the last.
    """

    def __init__(self, parts: Sequence[np.memmap], starts: np.ndarray):
        self._maps: list[mmap.mmap] = [part._mmap for part in parts]  # type: ignore[attr-defined]  # the stubs do not know it
        self._offsets = np.array([part.offset for part in parts])
        self._rows = [np.asarray(part) for part in parts]  # plain arrays are indexed faster than memmap's own class
        self._starts = starts
        self._row_bytes = parts[0][0].nbytes
        self._cold = self._row_bytes * int(starts[-1]) > ROOM * psutil.virtual_memory().total
        if hasattr(mmap, "MADV_RANDOM"):
            for mapped in self._maps:  # or the system reads far around each cell, for nothing
                mapped.madvise(mmap.MADV_RANDOM)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return copies of ``rows``, in the order asked for."""
        rows = np.asarray(rows)
        if rows.size and not 0 <= rows.min() <= rows.max() < self._starts[-1]:
            raise IndexError(f"rows {rows.min()} to {rows.max()} of a store of {self._starts[-1]} cells")
        owner = np.searchsorted(self._starts, rows, side="right") - 1
        local = rows - self._starts[owner]
        if self._cold and hasattr(mmap, "MADV_WILLNEED"):
            self._ask_for(owner, local)
        out = np.empty((len(rows), *self._rows[0].shape[1:]), self._rows[0].dtype)
        for place, (part, row) in enumerate(zip(owner.tolist(), local.tolist(), strict=True)):
            out[place] = self._rows[part][row]
        return out

    def _ask_for(self, owner: np.ndarray, local: np.ndarray) -> None:
        """Let the system fetch all rows at once from the disk; without this they come one page after the other."""
        begin = self._offsets[owner] + local * self._row_bytes
        page = begin // mmap.PAGESIZE * mmap.PAGESIZE
        length = begin + self._row_bytes - page
        for part, start, count in zip(owner.tolist(), page.tolist(), length.tolist(), strict=True):
            self._maps[part].madvise(mmap.MADV_WILLNEED, start, count)
