"""One task: some fields of a plate -> one part of the store, whole or not at all."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cytobench.datasets.image_set import FieldOfView
from cytobench.datasets.manifest import WORK, Part
from cytobench.datasets.part_writer import PartWriter
from cytobench.datasets.preparation.field import cells_of, named
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.datasets.preparation.survey import SHOWN
from cytobench.errors import CytoBenchError
from cytobench.files import creating_folder, write_text
from cytobench.imaging.illumination import enlarged
from cytobench.imaging.segmentation import make_segmenter
from cytobench.imaging.tiff import ImageError
from cytobench.schema import Record, dump_json, load_json

EXAMPLE = "example-{plate}.png"
"""A field of a plate with outlines, a DMSO one where there is one: it is kept because the store holds no whole field."""


class PartRecord(Record):
    """A finished part; ``part`` is None where its fields hold no cell."""

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

    @property
    def folder(self) -> Path:
        """Where the part's tables are kept until its plate is complete; it is there when the part is finished."""
        return self.store / WORK / self.name

    @property
    def finished(self) -> bool:
        """Whether it was made before, and its files still lie in the store with the size that they had."""
        if not (self.folder / "part.json").is_file():
            return False
        files = {self.store / name: size for name, size in self.result().sizes.items()}
        return all(file.is_file() and file.stat().st_size == size for file, size in files.items())

    def result(self) -> PartRecord:
        """What the finished task left."""
        return load_json(PartRecord, self.folder / "part.json")

    def rows(self) -> pd.DataFrame:
        """The finished part's cells, one row each."""
        return pd.read_parquet(self.folder / "rows.parquet")

    def field_rows(self) -> pd.DataFrame:
        """The finished part's fields, one row each."""
        return pd.read_parquet(self.folder / "fields.parquet")


def make_part(task: PartTask) -> int:
    """Make a part and return its number of fields; only one field is in memory at a time."""
    shutil.rmtree(task.folder, ignore_errors=True)  # of a part whose files were lost
    segmenter = make_segmenter(task.spec.segmentation)
    light = None if task.light is None else enlarged(task.light, task.shape)
    counts = []
    with creating_folder(task.folder) as folder:
        writer = PartWriter(folder, task.name)
        try:
            for field in task.fields:
                shown = field == task.example
                cells = cells_of(_read(field, task), light, segmenter, task.spec, shown=shown)
                if cells.picture is not None:
                    Image.fromarray(cells.picture).save(folder / EXAMPLE.format(plate=field.plate))
                rows = named(cells.table, field, task.channels)
                if len(rows):
                    writer.append(cells.images, rows, cells.masks if task.spec.masks else None)
                counts.append({**_count(field, cells.found, rows, task.channels), "example": shown})
            ended, rows = writer.end()
        finally:
            writer.close()
        rows.to_parquet(folder / "rows.parquet", index=False)
        pd.DataFrame(counts).to_parquet(folder / "fields.parquet", index=False)
        files = [file.name for file in sorted(folder.iterdir()) if file.suffix in (".npy", ".png")]
        sizes = {name: (folder / name).stat().st_size for name in files}
        for name in files:
            os.replace(folder / name, task.store / name)
        write_text(folder / "part.json", dump_json(PartRecord(part=ended, sizes=sizes)))
    return len(task.fields)


def _count(field: FieldOfView, found: int, rows: pd.DataFrame, channels: tuple[str, ...]) -> dict[str, object]:
    """What a person would check first of a field: its cells, and how sharp they are."""
    sharp = {f"focus_{channel}": rows[f"focus_{channel}"].median() for channel in channels}
    known = {name: getattr(field, name) for name in SHOWN}
    return {**known, "found": found, "at_border": found - len(rows), "cells": len(rows), **sharp}


def _read(field: FieldOfView, task: PartTask) -> np.ndarray:
    """The images of a field, (C, H, W)."""
    raw = np.empty((len(field.images), *task.shape), task.dtype)
    for channel, image in enumerate(field.images):
        try:
            pixels = image.read()
        except ImageError as fault:
            raise CytoBenchError(f"{image}: {fault}, but it was whole a while ago; run the same command again") from None
        if pixels.shape != task.shape or pixels.dtype != task.dtype:
            raise CytoBenchError(f"{image}: was replaced by another image while it was prepared; run the same command again")
        raw[channel] = pixels
    return raw
