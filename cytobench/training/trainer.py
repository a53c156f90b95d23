"""One trainer for every method: it owns the optimizers, the method owns the losses."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from cytobench.errors import CytoBenchError, blaming
from cytobench.method import CellBatch, TrainableMethod
from cytobench.progress import progress_bar

LOG_EVERY = 10
"""Steps between lines of ``log.jsonl`` and refreshes of the progress line."""


class Trainer:
    """Train a method as its recipe says.

    Args:
        method: on the device it is trained on.
        seed: of noise, dropout and augmentation.
        log: where to write one JSON line every ``LOG_EVERY`` steps.
    """

    def __init__(self, method: TrainableMethod, *, seed: int, log: Path):
        if method.recipe.training is None:
            raise CytoBenchError(f"the recipe of {type(method).__name__} has no 'training' section")
        self._method, self._seed, self._log = method, seed, log
        self._spec = method.recipe.training
        self._optimizers = method.optimizers()
        self._updates = dict.fromkeys(self._optimizers, 0)
        self._losses: dict[str, Tensor] = {}

    def fit(self, batches: Iterator[CellBatch], *, progress: bool = True) -> int:
        """Take the recipe's number of steps and return the number of cells seen."""
        with torch.random.fork_rng():
            torch.manual_seed(self._seed)
            self._method.train()
            seen = self._take_steps(batches, progress)
            self._method.eval()
        return seen

    def _take_steps(self, batches: Iterator[CellBatch], progress: bool) -> int:
        self._log.unlink(missing_ok=True)  # it may be a hard link to a finished run's
        began, seen, steps = time.monotonic(), 0, self._spec.steps
        with (
            self._log.open("w", encoding="utf-8") as log,
            progress_bar(steps, "train", "step", shown=progress) as bar,
        ):
            for step in range(1, steps + 1):
                batch = self._augment(next(batches)) if self._spec.augment == "flips-rotations" else next(batches)
                with blaming(f"{type(self._method).__name__}.training_step"):
                    self._method.training_step(batch, self._update)
                seen += len(batch)
                bar.update()
                if step % LOG_EVERY == 0 or step == steps:
                    losses, rate = self._read_losses(step), seen / (time.monotonic() - began)
                    shown = ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
                    bar.set_postfix_str(f"{shown}, {rate:.0f} cells/s", refresh=False)
                    line = {"step": step, "cells": seen, "loss": losses, "cells_per_second": round(rate, 1)}
                    log.write(json.dumps(line) + "\n")
                    log.flush()
        return seen

    def _update(self, name: str, loss: Tensor) -> None:
        if name not in self._optimizers:
            raise CytoBenchError(
                f"update({name!r}, loss): the recipe has no optimizer {name!r}, only {', '.join(self._optimizers)}"
            )
        optimizer = self._optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self._spec.clip is not None:
            torch.nn.utils.clip_grad_norm_(self._method.parameters_of(name), self._spec.clip)
        optimizer.step()
        self._updates[name] += 1
        self._decay(name)
        self._losses[name] = loss.detach()

    def _decay(self, name: str) -> None:
        decay = self._method.recipe.optimizer[name].decay
        if decay is not None and self._updates[name] % decay.every == 0:
            for group in self._optimizers[name].param_groups:
                group["lr"] *= decay.factor

    def _augment(self, batch: CellBatch) -> CellBatch:
        turns, flip = int(torch.randint(4, ())), bool(torch.randint(2, ()))
        images = torch.rot90(batch.images, turns, dims=(2, 3))
        masks = None if batch.masks is None else torch.rot90(batch.masks, turns, dims=(1, 2))
        if flip:
            images, masks = images.flip(3), None if masks is None else masks.flip(2)
        return replace(batch, images=images, masks=masks)

    def _read_losses(self, step: int) -> dict[str, float]:
        losses = {name: float(loss) for name, loss in self._losses.items()}
        for name, loss in losses.items():
            if not math.isfinite(loss):
                raise CytoBenchError(f"training diverged: the loss of {name} is {loss} at step {step}; lower optimizer.{name}.lr")
        return losses
