"""Write a cell store: part by part, whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd

from cytobench.datasets.manifest import TABLE, Part, StoreManifest
from cytobench.datasets.part_writer import PartWriter
from cytobench.errors import CytoBenchError
from cytobench.files import creating_folder, sha256, write_text
from cytobench.schema import FOLDER_NAME, dump_json

REQUIRED_COLUMNS = ("plate", "well", "compound", "concentration")
"""Columns that every store's table has; concentration is in micromolar."""

PART_CELLS = 16_384
"""Cells in one part."""


class CellStoreWriter:
    """Write cells; the store appears at ``path`` when the ``with`` block ends well, and not at all otherwise.

    Args:
        path: the folder to make; it must not exist.
        name: the data set's name on boards.
        channels: channel names, in the order of the images' second axis.
        simulated: whether the cells are drawn and not photographed; shown wherever the data are shown.
        all_cells_counted: whether every cell of each well will be in the store.
        provenance: where the cells come from (source, licence, parameters); no time stamps.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        name: str,
        channels: tuple[str, ...],
        simulated: bool,
        all_cells_counted: bool,
        provenance: dict[str, str],
    ):
        check_names(name, channels)
        self.path, self._channels = Path(path), tuple(channels)
        self._facts: dict[str, Any] = {
            "name": name,
            "channels": self._channels,
            "simulated": simulated,
            "all_cells_counted": all_cells_counted,
            "provenance": provenance,
        }
        self._parts: list[Part] = []
        self._tables: list[pd.DataFrame] = []
        self._part: PartWriter | None = None
        self._kind: tuple[tuple[int, int], np.dtype, bool] | None = None

    def __enter__(self) -> CellStoreWriter:
        self._exit = ExitStack()
        self._folder = self._exit.enter_context(creating_folder(self.path))
        return self

    def append(self, images: np.ndarray, table: pd.DataFrame, masks: np.ndarray | None = None) -> None:
        """Add cells; they are written as they come, so that a part is never held in memory.

        Args:
            images: (n, C, H, W) uint8 or uint16.
            table: n rows with at least ``REQUIRED_COLUMNS``.
            masks: (n, H, W) uint8 or None, the same choice in every call.
        """
        self._check(images, table, masks)
        start = 0
        while start < len(images):
            part = self._part = self._part or PartWriter(self._folder, f"{len(self._parts):05d}")
            rows = slice(start, start + PART_CELLS - len(part))
            part.append(images[rows], table.iloc[rows], None if masks is None else masks[rows].astype(np.uint8, copy=False))
            start = rows.stop
            if len(part) == PART_CELLS:
                self._end_part(part)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._exit:  # renames the folder to its place, or removes it where anything below raises
            if error is not None:
                if self._part is not None:
                    self._part.close()
                raise error
            if self._part is not None:
                self._end_part(self._part)
            if not self._parts:
                raise CytoBenchError(f"{self.path}: a store needs at least one cell")
            write_manifest(self._folder, self._parts, self._tables, TABLE, **self._facts)

    def _check(self, images: np.ndarray, table: pd.DataFrame, masks: np.ndarray | None) -> None:
        missing = [column for column in REQUIRED_COLUMNS if column not in table]
        if missing:
            raise CytoBenchError(f"the cell table lacks the column {missing[0]!r}; it needs {', '.join(REQUIRED_COLUMNS)}")
        if images.ndim != 4 or images.shape[1] != len(self._channels) or images.dtype not in (np.uint8, np.uint16):
            raise CytoBenchError(
                f"images have shape {images.shape} and type {images.dtype}; this store takes "
                f"(cells, {len(self._channels)}, height, width) of uint8 or uint16"
            )
        if len(images) != len(table) or (masks is not None and masks.shape != (len(images), *images.shape[2:])):
            raise CytoBenchError(f"{len(images)} images, but {len(table)} table rows or masks of another shape")
        kind = (images.shape[2:], images.dtype, masks is not None)
        self._kind = self._kind or kind
        if kind != self._kind:
            raise CytoBenchError(f"{self.path}: size, type and masks of the cells must be as in the first call of append")

    def _end_part(self, part: PartWriter) -> None:
        written, rows = part.end()
        if written is not None:
            self._parts.append(written)
            self._tables.append(rows)
        self._part = None


def check_names(name: str, channels: Sequence[str]) -> None:
    """Refuse a store's name that is no folder's, and channels without a name of their own."""
    if not all(channels) or len(set(channels)) < len(channels):
        raise CytoBenchError(f"the channels {', '.join(map(repr, channels))}: each needs a name of its own")
    if not re.match(FOLDER_NAME, name):
        raise CytoBenchError(f"the name {name!r} will not do: runs lie in a folder of that name, so no slash, no first dot")


def write_manifest(folder: Path, parts: Sequence[Part], tables: Sequence[pd.DataFrame], table_name: str, **facts: Any) -> None:
    """Write the table of all parts to ``table_name`` and then ``store.json``, which makes the folder a store.

    Args:
        folder: holds the parts.
        parts: in their order.
        tables: the rows of each.
        table_name: the file's.
        **facts: the manifest's other fields.
    """
    table = pd.concat(tables, ignore_index=True)
    table.to_parquet(folder / table_name, index=False)
    first = np.load(folder / parts[0].images, mmap_mode="r")
    manifest = StoreManifest(
        **facts,
        shape=first.shape[1:],
        dtype=first.dtype.name,
        cells=len(table),
        parts=tuple(parts),
        table_sha256=sha256(folder / table_name),
    )
    write_text(folder / "store.json", dump_json(manifest))
