"""The files of a cell store: found, checked, mapped; whatever is wrong with one is said with its name."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cytobench.datasets.manifest import NEXT_TABLE, TABLE, StoreManifest
from cytobench.datasets.mapped_parts import MappedParts
from cytobench.errors import CytoBenchError
from cytobench.files import allow_open_files, sha256
from cytobench.progress import progress_bar
from cytobench.schema import load_json

LONG_BYTES = 2**30
"""Verifying more than this takes so long that its progress is shown."""


class StoreFiles:
    """Open the files that a manifest tells of.

    Args:
        folder: the store's.
        manifest: its ``store.json``.
    """

    def __init__(self, folder: Path, manifest: StoreManifest):
        self._folder, self._manifest = folder, manifest
        self.starts = np.cumsum([0] + [part.cells for part in manifest.parts])
        """Where each part's cells begin, and where the last ends."""

    @cached_property
    def images(self) -> MappedParts:
        """All cells, (N, C, H, W)."""
        manifest = self._manifest
        allow_open_files(2 * len(manifest.parts))
        maps = [self._map(part.images, part.cells, manifest.shape, manifest.dtype) for part in manifest.parts]
        return MappedParts(maps, self.starts)

    @cached_property
    def masks(self) -> MappedParts:
        """All masks, (N, H, W) uint8, of a store that has them."""
        shape = self._manifest.shape[1:]
        return MappedParts([self._map(str(part.masks), part.cells, shape, "uint8") for part in self._manifest.parts], self.starts)

    def table(self) -> pd.DataFrame:
        """Read the table."""
        try:
            return pd.read_parquet(self.table_file)
        except (OSError, ValueError) as error:
            raise CytoBenchError(f"{self.table_file}: cannot be read ({error}); make the store again") from None

    def column(self, name: str) -> pa.DictionaryArray:
        """Read one column as the numbers of its different values: little memory where few of them are different."""
        try:
            column = pq.read_table(self.table_file, columns=[name], read_dictionary=[name]).column(name).combine_chunks()
        except (OSError, ValueError, KeyError) as error:
            raise CytoBenchError(f"{self.table_file}: cannot be read ({error}); make the store again") from None
        return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()

    @cached_property
    def table_file(self) -> Path:
        """The table that ``store.json`` tells of; a preparation that was killed may not have put it in its place yet."""
        coming = self._folder / NEXT_TABLE
        if coming.is_file() and sha256(coming) == self._manifest.table_sha256:
            return coming
        if load_json(StoreManifest, self._folder / "store.json").table_sha256 != self._manifest.table_sha256:
            raise CytoBenchError(f"{self._folder}: was extended since it was opened; open it again")
        self._verify(TABLE, self._manifest.table_sha256)
        return self._folder / TABLE

    def verify(self) -> None:
        """Compare every file with its sha256, its shape and its type."""
        size = sum(file.stat().st_size for file in self._folder.glob("*.npy"))
        with progress_bar(len(self._manifest.parts), "verify", "part", shown=size > LONG_BYTES) as bar:
            for part in self._manifest.parts:
                self._verify(part.images, part.images_sha256)
                if part.masks is not None:
                    self._verify(part.masks, part.masks_sha256)
                bar.update()
        self.open()
        for name, digest in self._manifest.attachments.items():
            self._verify(name, digest)

    def open(self) -> None:
        """Map every part: what is missing, or of another size than it was, is named."""
        _ = self.images, self.masks if all(part.masks for part in self._manifest.parts) else None

    def attachment(self, name: str) -> Path:
        """Return a file that the store keeps beside its cells, checked."""
        self._verify(name, self._manifest.attachments[name])
        return self._folder / name

    def _verify(self, name: str, digest: str | None) -> None:
        if not (self._folder / name).is_file():
            raise CytoBenchError(f"{self._folder / name}: missing; make the store again")
        if sha256(self._folder / name) != digest:
            raise CytoBenchError(f"{self._folder / name}: damaged (its sha256 is not that in store.json); make the store again")

    def _map(self, name: str, cells: int, row: tuple[int, ...], dtype: str) -> np.memmap:
        shape = (cells, *row)
        try:
            array: np.memmap = np.load(self._folder / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CytoBenchError(f"{self._folder / name}: missing or truncated ({error}); make the store again") from None
        if array.shape != shape or array.dtype != dtype:
            raise CytoBenchError(
                f"{self._folder / name}: holds {array.dtype} {array.shape}, but store.json says {dtype} {shape}; "
                "make the store again"
            )
        return array
