"""Write one part of a cell store while its cells come."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd

from cytobench.datasets.growing_array import GrowingArray
from cytobench.datasets.manifest import Part
from cytobench.files import sha256, sha256_text


class PartWriter:
    """Write ``images-NAME.npy`` and, where there are masks, ``masks-NAME.npy``; only the table is held in memory.

    Args:
        folder: where.
        name: of the part.
    """

    def __init__(self, folder: Path, name: str):
        self._folder, self._name = folder, name
        self._files = ExitStack()
        self._arrays: dict[str, GrowingArray] = {}
        self._tables: list[pd.DataFrame] = []

    def __len__(self) -> int:
        return sum(map(len, self._tables))

    def append(self, images: np.ndarray, table: pd.DataFrame, masks: np.ndarray | None) -> None:
        """Add cells: (n, C, H, W) images, n rows, (n, H, W) masks in every call or in none."""
        for kind, array in (("images", images), ("masks", masks)):
            if array is not None:
                if kind not in self._arrays:
                    path = self._folder / f"{kind}-{self._name}.npy"
                    self._arrays[kind] = self._files.enter_context(GrowingArray(path, array.shape[1:], array.dtype))
                self._arrays[kind].append(array)
        self._tables.append(table)

    def end(self) -> tuple[Part | None, pd.DataFrame]:
        """Close the files; return what the manifest says of the part (None where no cell was added), and its rows."""
        self._files.close()
        if not self._tables:
            return None, pd.DataFrame()
        rows = pd.concat(self._tables, ignore_index=True)
        files = {kind: array.path.name for kind, array in self._arrays.items()}
        digests = {f"{kind}_sha256": sha256(self._folder / name) for kind, name in files.items()}
        return Part(**files, **digests, rows_sha256=rows_sha256(rows), cells=len(rows)), rows

    def close(self) -> None:
        """Close the files, whole or not."""
        self._files.close()


def rows_sha256(rows: pd.DataFrame) -> str:
    """The sha256 of a part's rows, by what they say and not by how a library stores them."""
    return sha256_text(rows.to_csv(index=False))
