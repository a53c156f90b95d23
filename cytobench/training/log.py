"""What training says of itself: one line of ``log.jsonl`` now and then, and the same for TensorBoard."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from cytobench.files import write_text

LOG = "log.jsonl"
TENSORBOARD = "tensorboard"
"""Names in a run's folder."""


class TrainingLog:
    """Write the log of one training; lines after ``step``, of a run that was stopped and goes on there, are dropped.

    Args:
        folder: a run's.
        step: the step that training goes on from; 0 begins a new log.
    """

    def __init__(self, folder: Path, step: int):
        from torch.utils.tensorboard import SummaryWriter

        path = folder / LOG
        kept = [line for line in _whole_lines(path) if json.loads(line)["step"] <= step] if step else []
        if not kept:
            shutil.rmtree(folder / TENSORBOARD, ignore_errors=True)
        write_text(path, "".join(f"{line}\n" for line in kept))
        self._file = path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(folder / TENSORBOARD), purge_step=step + 1 if step else None)

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._board.close()

    def write(self, step: int, line: dict[str, Any]) -> None:
        """Add a line; its numbers become TensorBoard's scalars."""
        self._file.write(json.dumps({"step": step, **line}) + "\n")
        self._file.flush()
        for name, value in _scalars(line):
            self._board.add_scalar(name, value, step)


def _whole_lines(path: Path) -> list[str]:
    """The lines of a log that were written to their end."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [line for line in lines if line.startswith("{") and line.endswith("}")]


def _scalars(line: dict[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found = []
    for name, value in line.items():
        if isinstance(value, dict):
            found += _scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float):
            found.append((f"{prefix}{name}", float(value)))
    return found
