"""One task: some fields of a plate -> one part of the store, whole or not at all."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pandas as pd
from PIL import Image

from cytobench.datasets.image_set import FieldOfView
from cytobench.datasets.manifest import WORK
from cytobench.datasets.part_writer import PartWriter
from cytobench.datasets.preparation.field import cells_of, named
from cytobench.datasets.preparation.part import EXAMPLE, SURVEY, PartRecord, PartTask
from cytobench.datasets.preparation.survey import SHOWN
from cytobench.errors import CytoBenchError
from cytobench.files import creating_folder, write_text
from cytobench.imaging.illumination import enlarged
from cytobench.imaging.segmentation import make_segmenter
from cytobench.imaging.tiff import ImageError
from cytobench.schema import dump_json


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
