"""What ``store.json`` says of a cell store."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cytobench.schema import FOLDER_NAME, Record


class Part(Record):
    """One memory-mapped part of a store."""

    images: str = Field(pattern=FOLDER_NAME)
    images_sha256: str
    masks: str | None = Field(default=None, pattern=FOLDER_NAME)
    masks_sha256: str | None = None
    cells: int


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
    table_content_sha256: str
    """Of the table written as CSV: the same whatever library and version wrote the Parquet file."""
    parts: tuple[Part, ...]
    provenance: dict[str, str]
