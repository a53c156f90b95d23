"""CellStore: a folder of single-cell crops, memory-mapped, with one table row a cell.

store.json            what it is: schema version, channels, shape, dtype, parts with their sha256, provenance
cells.parquet         one row a cell: plate, well, compound, concentration, and whatever else was measured
images-00000.npy ...  uncompressed (n, C, H, W) uint8 or uint16 parts
masks-00000.npy ...   optional (n, H, W) uint8 parts: 0 elsewhere, 1 cytoplasm, 2 nucleus of the centred cell

Where it was made of fields of view, its parts are named after their plates (``images-Week1_22123-000.npy``), so that plates can
be added in any order, and it also keeps what was seen of each plate: ``fields-``, ``faults-``, ``illumination-``, ``example-``.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cytobench.datasets.manifest import TABLE, WORK, StoreManifest
from cytobench.datasets.part_writer import rows_sha256
from cytobench.datasets.store_files import StoreFiles
from cytobench.errors import CytoBenchError
from cytobench.files import sha256_text
from cytobench.profiling.aggregate import wells_of
from cytobench.schema import load_json

NAMES = ("plate", "well", "compound", "channel", "image", "problem", "fault")
AS_NAMED: dict[str, Any] = {"dtype": dict.fromkeys(NAMES, str), "keep_default_na": False, "na_values": [""]}
"""How a table is read whose names may be ``NA`` or a number."""


def what_is_missing(folder: Path) -> str:
    """Say why a folder without ``store.json`` is no store."""
    if (folder / WORK).is_dir():
        return "no plate of it is finished; run the same 'cytobench data prepare' again"
    return "not a cell store (it has no store.json); make one with 'cytobench data prepare' or 'cytobench data import'"


class CellStore:
    """Read a store of cell crops.

    Args:
        path: the store's folder.

    Raises:
        CytoBenchError: where the folder is no store, is of another schema version, or lacks a part.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not (self.path / "store.json").is_file():
            raise CytoBenchError(f"{self.path}: {what_is_missing(self.path)}")
        self.manifest = load_json(StoreManifest, self.path / "store.json")
        self.files = StoreFiles(self.path, self.manifest)
        self._verified = False

    @property
    def content_sha256(self) -> str:
        """Of everything that a method or a score can depend on: a store's identity."""
        return self.identity

    def __len__(self) -> int:
        return self.manifest.cells

    @property
    def name(self) -> str:
        """The data set's name on boards."""
        return self.manifest.name

    @property
    def simulated(self) -> bool:
        """Whether the cells are drawn and not photographed."""
        return self.manifest.simulated

    @property
    def all_cells_counted(self) -> bool:
        """Whether the rows of a well count its cells."""
        return self.manifest.all_cells_counted

    @property
    def channels(self) -> tuple[str, ...]:
        """The channel names, in the order of the images' second axis."""
        return self.manifest.channels

    @property
    def identity(self) -> str:
        """One sha256 over the pictures and the table: equal cells have equal identities on every machine."""
        manifest = self.manifest
        digests = [digest for part in manifest.parts for digest in (part.images_sha256, part.masks_sha256 or "")]
        facts = (manifest.channels, manifest.shape, manifest.dtype, manifest.simulated, manifest.all_cells_counted)
        return sha256_text(repr(facts), *digests, *(part.rows_sha256 for part in manifest.parts))

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The table, one row a cell, in the order of the images; checked, since it says what each cell was treated with."""
        table = self.files.table()
        if len(table) != len(self):
            raise CytoBenchError(f"{self.path}: {TABLE} has {len(table)} rows but store.json counts {len(self)} cells")
        return table

    def groups(self, *columns: str) -> tuple[np.ndarray, tuple[str, ...]]:
        """Say which group of equal ``columns`` each cell is in, without keeping the table.

        Returns:
            (N,) int32 numbers of groups, and the groups' names, sorted.
        """
        numbers: np.ndarray = np.zeros((), np.int32)  # one group, until a column tells the cells apart
        names = [""]
        for column in columns:
            values = self.files.column(column)
            known = [str(value) for value in values.dictionary.to_pylist()]
            combined = numbers * np.int32(len(known)) + values.indices.to_numpy()
            del values  # and what Arrow keeps of it: with a million cells each copy counts
            pa.default_memory_pool().release_unused()
            present = np.flatnonzero(np.bincount(combined))
            named = [f"{names[at // len(known)]} {known[at % len(known)]}".strip() for at in present.tolist()]
            order = np.argsort(named)
            place = np.zeros(present[-1] + 1, np.int32)
            place[present[order]] = np.arange(len(present))
            numbers, names = place[combined], [named[at] for at in order]
        return numbers, tuple(names)

    @cached_property
    def has_masks(self) -> bool:
        """Whether the store holds masks."""
        return all(part.masks for part in self.manifest.parts)

    def wells(self) -> pd.DataFrame:
        """Return one row a well: ``Metadata_Plate``, ``Metadata_Well``, compound, concentration and number of cells."""
        return wells_of(self.cells)[0]

    def attached(self, what: str) -> pd.DataFrame:
        """Join the tables that were kept of every plate: ``fields`` (cells and focus of each field) or ``faults`` (images)."""
        names = [name for name in self.manifest.attachments if name.startswith(f"{what}-") and name.endswith(".csv")]
        tables = [pd.read_csv(self.files.attachment(name), **AS_NAMED) for name in names]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Raw images of ``rows`` in the order asked for: (len(rows), C, H, W), the store's dtype."""
        return self.files.images.read(rows)

    def masks(self, rows: np.ndarray) -> np.ndarray:
        """Masks of ``rows``: (len(rows), H, W) uint8."""
        if not self.has_masks:
            raise CytoBenchError(f"{self.path}: the store has no masks, but they were asked for; set input.masks=false")
        return self.files.masks.read(rows)

    def summary(self) -> str:
        """What the store holds, in a few lines."""
        from cytobench.datasets.store_summary import describe

        return describe(self)

    def verify(self) -> None:
        """Compare every file with its sha256, and the manifest with what the files hold; the first fault is named."""
        if self._verified:
            return
        self.files.verify()
        for part, start in zip(self.manifest.parts, self.files.starts, strict=False):
            if rows_sha256(self.cells.iloc[start : start + part.cells]) != part.rows_sha256:
                raise CytoBenchError(f"{self.path / 'store.json'}: damaged (it tells of another table); make the store again")
        self._verified = True
