"""One task: some fields of a plate -> one part of the store, whole or not at all."""

from __future__ import annotations

import hashlib
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


SURVEY = "survey-{plate}.json"
"""In that folder: what was found of a plate's images."""


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


def make_part(task: PartTask) -> int:
    """Make a part and return its number of fields; only one field is in memory at a time."""
    if task.finished:  # by a worker that a cluster took for dead
        return len(task.fields)
    shutil.rmtree(task.folder, ignore_errors=True)  # of a part whose files were lost
    try:
        _make(task)
    except OSError:
        if not task.finished:
            raise
    return len(task.fields)


def _make(task: PartTask) -> None:
    segmenter = make_segmenter(task.spec.segmentation)
    light = None if task.light is None else enlarged(task.light, task.shape)
    counts = []
    with creating_folder(task.folder) as folder:
        writer = PartWriter(folder, task.name)
        try:
            for field in task.fields:
                _go_on(task)
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
        _go_on(task)
        files = [file.name for file in sorted(folder.iterdir()) if file.suffix in (".npy", ".png")]
        sizes = {name: (folder / name).stat().st_size for name in files}
        for name in files:
            os.replace(folder / name, task.store / name)
        write_text(
            folder / "part.json", dump_json(PartRecord(fields=task.field_names, light=task.light_sha256, part=ended, sizes=sizes))
        )


def _go_on(task: PartTask) -> None:
    """Stop where nobody waits for the part any more: its preparation was killed, or another has ended it."""
    alone = task.coordinator is not None and task.coordinator not in (os.getpid(), os.getppid())
    if alone or not (task.store / WORK).is_dir():
        raise CytoBenchError(f"{task.store}: its preparation was stopped; {task.name} is not finished")


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
            raise _changed(task, field, f"{image}: {fault}, but it was whole a while ago") from None
        if pixels.shape != task.shape or pixels.dtype != task.dtype:
            raise _changed(task, field, f"{image}: was replaced by another image while it was prepared")
        raw[channel] = pixels
    return raw


def _changed(task: PartTask, field: FieldOfView, what: str) -> CytoBenchError:
    """Forget what was found of the plate, so that the next call looks again."""
    (task.store / WORK / SURVEY.format(plate=field.plate)).unlink(missing_ok=True)
    return CytoBenchError(f"{what}; run the same command again")
