"""One trainer for every method: it owns the optimizers, the method owns the losses."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from tqdm import tqdm

from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, TrainableMethod
from cytobench.progress import note, progress_bar
from cytobench.training.allocation import keeping_freed_memory
from cytobench.training.checkpoint import (
    PREVIOUS_STATE,
    STATE,
    WEIGHTS,
    latest_state,
    refuse_other_facts,
    save_state,
    save_weights,
)
from cytobench.training.course import Course
from cytobench.training.evaluator import Evaluator
from cytobench.training.feed import read_ahead
from cytobench.training.interrupts import between_steps
from cytobench.training.launch import make_fabric
from cytobench.training.log import TrainingLog
from cytobench.training.processes import mean

LOG_EVERY = 10
"""Steps between lines of ``log.jsonl`` and refreshes of the progress line."""

SAVE_SECONDS = 120.0
"""Between saved states where evaluations are rarer: what a killed training loses at most. No result depends on it."""

Batches = Callable[[int], Iterator[CellBatch]]
"""``batches(step)``: this process's batches from a step (from 0) on."""


@dataclass(frozen=True)
class Trained:
    """What a training came to."""

    cells: int
    """Cells seen, counted with repeats."""
    step: int
    """The step whose weights were kept."""


class Trainer:
    """Train a method as its recipe says, going on where an earlier training in the same folder was stopped.

    Args:
        method: with the weights to begin with.
        seed: of noise, dropout and augmentation.
        folder: where the log, the state and the weights are written; None in every process but the first.
        facts: all that the training depends on, as plain values; a state with other facts is refused.
        fabric: from :func:`cytobench.training.launch.make_fabric`; one process on the CPU where None.
        evaluator: looks at the method now and then; None for no looks.
    """

    def __init__(
        self,
        method: TrainableMethod,
        *,
        seed: int,
        folder: Path | None,
        facts: dict[str, Any] | None = None,
        fabric: Fabric | None = None,
        evaluator: Evaluator | None = None,
    ):
        self._fabric = fabric or make_fabric(torch.device("cpu"), "32-true")
        self._course = Course(method, self._fabric)
        self._spec, self._seed, self._folder, self._facts = self._course.spec, seed, folder, facts or {}
        self._evaluator, self._warned = evaluator, set[str]()

    @property
    def evaluated(self) -> TrainableMethod:
        """The method as it is evaluated and kept: with averaged weights where the recipe averages them."""
        return self._course.evaluated

    def fit(self, batches: Batches, *, progress: bool = True) -> Trained:
        """Take the steps that are left, and keep the weights that the recipe's checkpoint rule chooses."""
        with torch.random.fork_rng(), keeping_freed_memory():
            torch.manual_seed(self._seed)
            self._go_on()
            self._course.compile()
            self._course.method.train()
            self._take_steps(batches, progress)
            self._course.method.eval()
        step = self._course.choose()
        if self._folder is not None:
            save_weights(self.evaluated, self._folder / WEIGHTS)
            (self._folder / PREVIOUS_STATE).unlink(missing_ok=True)
        return Trained(self._course.cells, step)

    def _go_on(self) -> None:
        """Take up the newest whole state in the folder; where there is none, begin."""
        state, wrong = latest_state(self._folder) if self._folder is not None else (None, [])
        for sentence in wrong:
            note(f"{sentence} (going on from {'the state before it' if state else 'the beginning'})")
        state = self._fabric.broadcast(state)
        if state is not None:
            refuse_other_facts(state["facts"], self._facts, str(self._folder))
            self._course.restore(state)

    def _take_steps(self, batches: Batches, progress: bool) -> None:
        course, every, shown = self._course, self._spec.evaluate_every, progress and self._fabric.is_global_zero
        title = f"train {type(course.method).__name__}"
        with ExitStack() as stack:
            feed = stack.enter_context(closing(read_ahead(batches(course.step), self._fabric.device)))
            log = stack.enter_context(TrainingLog(self._folder, course.step)) if self._folder else None
            bar = stack.enter_context(progress_bar(self._spec.steps, title, "step", shown=shown, done=course.step))
            self._saved = time.monotonic()
            self._mark()
            interrupt = stack.enter_context(between_steps())
            while course.step < self._spec.steps:
                course.take_step(next(feed))
                bar.update()
                if self._due(LOG_EVERY):
                    self._report(log, bar)
                if self._due(every):
                    self._read_losses()
                    self._refuse_infinite_weights()
                    self._evaluate(log)
                if self._due(every) or interrupt.asked or time.monotonic() - self._saved > SAVE_SECONDS:
                    self._save()
                if interrupt.asked:
                    note(f"stopped after step {course.step}; the same command goes on from there")
                    raise KeyboardInterrupt

    def _due(self, every: int) -> bool:
        return self._course.step % every == 0 or self._course.step == self._spec.steps

    def _mark(self) -> None:
        """Count cells a second from here, so that evaluating and saving do not count as training."""
        self._marked = (time.monotonic(), self._course.cells)

    def _report(self, log: TrainingLog | None, bar: tqdm) -> None:
        losses, (began, before) = self._read_losses(), self._marked
        rate = round((self._course.cells - before) / max(time.monotonic() - began, 1e-9), 1)
        shown = ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
        bar.set_postfix_str(f"{shown}, {rate:.0f} cells/s", refresh=False)
        if log is not None:
            reports = {name: float(value) for name, value in self._course.method.reports.items()}
            line = {"cells": self._course.cells, "loss": losses, "cells_per_second": rate}
            log.write(self._course.step, line | ({"reports": reports} if reports else {}))
        self._mark()

    def _read_losses(self) -> dict[str, float]:
        """The latest losses over all processes; one that is no number ends the training."""
        losses = {name: float(mean(loss)) for name, loss in self._course.updates.losses.items()}
        for name, loss in losses.items():
            if not math.isfinite(loss):
                self._stop(f"the loss of {name} is {loss}", name)
        return losses

    def _refuse_infinite_weights(self) -> None:
        name = self._course.infinite_network()
        if name is not None:
            self._stop(f"the weights of {name} are not finite", name)

    def _stop(self, what: str, name: str) -> None:
        state = self._folder / STATE if self._folder is not None else None
        kept = f"; its last good state is kept: --from {self._folder} trains on from it" if state and state.is_file() else ""
        raise CytoBenchError(f"training diverged: {what} at step {self._course.step}; lower optimizer.{name}.lr{kept}")

    def _evaluate(self, log: TrainingLog | None) -> None:
        if self._evaluator is not None and log is not None:
            evaluation = self._evaluator.evaluate(self.evaluated, self._course.step)
            self._course.method.train()
            self._course.remember(evaluation)
            log.write(self._course.step, {"evaluation": evaluation.model_dump(mode="json", exclude={"step"}, exclude_none=True)})
            for warning in evaluation.warnings:
                kind = warning.partition(":")[0]
                if kind not in self._warned:  # the log has each of them
                    note(f"step {self._course.step}: {warning}")
                self._warned.add(kind)

    def _save(self) -> None:
        """Write all that training goes on from; a state that is not finite never takes the place of one that is."""
        if self._folder is not None:
            self._refuse_infinite_weights()
            save_state({"facts": json.dumps(self._facts), **self._course.state()}, self._folder)
            save_weights(self.evaluated, self._folder / WEIGHTS)
        self._saved = time.monotonic()
        self._mark()
