"""What ``log.jsonl`` says of a training: one JSON line now and then, and one for each evaluation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from cytobench.errors import CytoBenchError
from cytobench.schema import Record

MEASURES = ("diversity", "discriminator_accuracy", "realism")
"""What an evaluation may hold, beside its warnings."""

Series = dict[int, float]
"""Step -> value."""


class TrainingHistory(Record):
    """A training, as series over its steps."""

    losses: dict[str, Series] = {}
    reports: dict[str, Series] = {}
    """What the method wanted logged beside its losses."""
    evaluations: dict[str, Series] = {}
    """Each of ``MEASURES`` that was made."""
    warnings: dict[int, tuple[str, ...]] = {}
    """Step -> sentences, only where there were any."""
    speed: Series = {}
    """Cells per second."""

    @property
    def steps(self) -> int:
        """The last step that anything is known of."""
        return max([0, *self.speed, self.last_evaluation])

    @property
    def last_evaluation(self) -> int:
        """The step of the last evaluation that measured or warned; 0 where none did."""
        return max([0, *self.warnings, *(step for series in self.evaluations.values() for step in series)])

    def latest(self) -> dict[str, float]:
        """Each measure when it was last made."""
        return {name: series[max(series)] for name, series in self.evaluations.items()}


def read_training_history(path: Path) -> TrainingHistory:
    """Read a ``log.jsonl``.

    Where a training was resumed, a step's later line counts; a last line that was cut off is left out, and so are keys that this
    CytoBench does not know.

    Raises:
        CytoBenchError: for any other line that is not what the trainer writes.
    """
    log = TrainingHistory()
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, text in enumerate(lines[:-1], start=1):  # a whole line ends with a line feed
        try:
            line = json.loads(text)
            _add(log, int(line["step"]), line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise CytoBenchError(f"{path}, line {number}: not a line of a training log ({why}); train again") from None
    return log


def _add(log: TrainingHistory, step: int, line: dict[str, Any]) -> None:
    for series, key in ((log.losses, "loss"), (log.reports, "reports")):
        for name, value in line.get(key, {}).items():
            series.setdefault(name, {})[step] = _number(value)
    if "cells_per_second" in line:
        log.speed[step] = float(line["cells_per_second"])
    evaluation = line.get("evaluation", {})
    for name in MEASURES:
        if evaluation.get(name) is not None:
            log.evaluations.setdefault(name, {})[step] = _number(evaluation[name])
    if evaluation:
        log.warnings.pop(step, None)
    if evaluation.get("warnings"):
        log.warnings[step] = tuple(evaluation["warnings"])


def _number(value: float | None) -> float:
    """JSON has no NaN: a trainer may write null for it."""
    return math.nan if value is None else float(value)
