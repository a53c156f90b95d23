"""Which stages of a run folder are whole, and how another run takes over their files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cytobench.errors import CytoBenchError
from cytobench.files import sha256
from cytobench.results.keys import Keys
from cytobench.results.provenance import Stage
from cytobench.results.record import RunRecord
from cytobench.schema import load_json


def finished_stage(folder: Path, name: str, keys: Keys) -> tuple[Stage, RunRecord] | None:
    """The record of a stage whose outputs are all there, whole, under the same key."""
    if not (folder / "run.json").is_file():
        return None
    try:
        record = load_json(RunRecord, folder / "run.json")
    except CytoBenchError:
        return None
    stage = record.stages.get(name)
    if stage is None or getattr(record.keys, name) != getattr(keys, name):
        return None
    return (stage, record) if whole(folder, stage) else None


def whole(folder: Path, stage: Stage) -> bool:
    """Whether every file that a stage wrote is as it was written."""
    return all((folder / output).is_file() and sha256(folder / output) == digest for output, digest in stage.outputs.items())


def link(source: Path, target: Path) -> None:
    """Hard-link, or copy where the file system has no links."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
