"""A part of a store that is being made: what a worker needs for it, and what it leaves when it is finished."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cytobench.datasets.image_set import FieldOfView
from cytobench.datasets.manifest import WORK, Part
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.schema import Record, load_json

EXAMPLE = "example-{plate}.png"
"""A field of a plate with outlines, a DMSO one where there is one: it is kept because the store holds no whole field."""

SURVEY = "survey-{plate}.json"
"""In the work folder: what was found of a plate's images."""


class PartRecord(Record):
    """A finished part; ``part`` is None where its fields hold no cell."""

    fields: tuple[str, ...]
    """Those that it was made of."""
    light: str
    """sha256 of the illumination functions that they were divided by; empty for none."""
    part: Part | None
    sizes: dict[str, int]
    """Bytes of each file that it put into the store."""


@dataclass(frozen=True)
class PartTask:
    """What a worker needs to make one part."""

    store: Path
    name: str
    """Of the part: plate and number."""
    fields: tuple[FieldOfView, ...]
    """The plate's usable fields that are this part's."""
    shape: tuple[int, int]
    """Of a field, px."""
    dtype: str
    channels: tuple[str, ...]
    light: np.ndarray | None
    """(C, h, w) illumination functions, or None."""
    spec: PreparationSpec
    example: FieldOfView | None
    """The field of the part to keep a picture of."""

    coordinator: int | None
    """The process that waits for it on this machine; None on a cluster."""

    @property
    def field_names(self) -> tuple[str, ...]:
        """Well and site of each field."""
        return tuple(f"{field.well} {field.site}" for field in self.fields)

    @property
    def light_sha256(self) -> str:
        """Of the illumination functions."""
        return "" if self.light is None else hashlib.sha256(self.light.tobytes()).hexdigest()

    @property
    def folder(self) -> Path:
        """Where the part's tables are kept until its plate is complete; it is there when the part is finished."""
        return self.store / WORK / self.name

    @property
    def finished(self) -> bool:
        """Whether it was made before, and its files still lie in the store with the size that they had."""
        if not (self.folder / "part.json").is_file():
            return False
        record = self.result()
        files = {self.store / name: size for name, size in record.sizes.items()}
        there = all(file.is_file() and file.stat().st_size == size for file, size in files.items())
        return there and (record.fields, record.light) == (self.field_names, self.light_sha256)

    def result(self) -> PartRecord:
        """What the finished task left."""
        return load_json(PartRecord, self.folder / "part.json")

    def rows(self) -> pd.DataFrame:
        """The finished part's cells, one row each."""
        return pd.read_parquet(self.folder / "rows.parquet")

    def field_rows(self) -> pd.DataFrame:
        """The finished part's fields, one row each."""
        return pd.read_parquet(self.folder / "fields.parquet")
