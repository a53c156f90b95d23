"""What ``store.json`` says of a cell store."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cytobench.schema import FOLDER_NAME, Record

TABLE = "cells.parquet"
NEXT_TABLE = "cells.next.parquet"
"""The table while a store is being extended: ``store.json`` names it by its sha256, and then it takes the place of ``TABLE``."""


WORK = ".work"
"""The folder within a store that is being made: what is finished and not yet in the store."""


class Part(Record):
    """One memory-mapped part of a store."""

    images: str = Field(pattern=FOLDER_NAME)
    images_sha256: str
    masks: str | None = Field(default=None, pattern=FOLDER_NAME)
    masks_sha256: str | None = None
    rows_sha256: str
    """Of its rows of the table written as CSV: the same whatever library and version wrote the Parquet file."""
    cells: int = Field(gt=0)


class StoreManifest(Record):
    """What ``store.json`` says; equal stores have equal manifests, byte for byte."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=FOLDER_NAME)
    simulated: bool
    channels: tuple[str, ...]
    shape: tuple[int, int, int]
    dtype: Literal["uint8", "uint16"]
    cells: int
    all_cells_counted: bool
    """Whether every cell of each well is in the store, so that counting rows counts cells."""
    table_sha256: str
    parts: tuple[Part, ...]
    provenance: dict[str, str]
    attachments: dict[str, str] = {}
    """sha256 of every other file of the store: what was measured of fields and plates while it was made."""
    pending: tuple[str, ...] = ()
    """Plates that were to be in the store and are not yet: its preparation has not ended."""
