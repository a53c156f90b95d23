"""What changes while a method is trained, and can therefore be saved and gone on from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from lightning_fabric import Fabric
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cytobench.errors import CytoBenchError, blaming
from cytobench.method import CellBatch, TrainableMethod
from cytobench.training.augmentation import turned_and_flipped
from cytobench.training.evaluations import Evaluation
from cytobench.training.processes import random_state, set_random_state
from cytobench.training.updates import Updates


class Course:
    """A method in training: its networks, their average, its optimizers, how far it is, and the best weights so far.

    Args:
        method: with the random weights of its seed.
        fabric: whose device, precision and processes are used.
    """

    def __init__(self, method: TrainableMethod, fabric: Fabric):
        if method.recipe.training is None:
            raise CytoBenchError(f"the recipe of {type(method).__name__} has no 'training' section")
        self.spec, self._fabric = method.recipe.training, fabric
        self.method = self._placed(method)
        decay = self.spec.ema
        self._average = None if decay is None else AveragedModel(self.method, multi_avg_fn=get_ema_multi_avg_fn(decay))
        self.updates = Updates(self.method, fabric)
        self.step = self.cells = 0
        self._best: dict[str, Any] | None = None

    @property
    def evaluated(self) -> TrainableMethod:
        """The method as it is evaluated: with averaged weights where the recipe averages them."""
        kept = self.method if self._average is None else self._average.module
        assert isinstance(kept, TrainableMethod)
        return kept

    def compile(self) -> None:
        """Compile each network where the recipe says so, on an accelerator: on a CPU it takes minutes and does not pay."""
        for name in self.method.recipe.optimizer if self.spec.compile and self._fabric.device.type != "cpu" else ():
            dict(self.method.named_children())[name].compile()

    def take_step(self, batch: CellBatch) -> None:
        """Train on one batch."""
        if self.spec.augment == "flips-rotations":
            batch = turned_and_flipped(batch)
        if self.spec.channels_last:
            batch = replace(batch, images=batch.images.contiguous(memory_format=torch.channels_last))
        with blaming(f"{type(self.method).__name__}.training_step"), self._fabric.autocast():
            self.method.training_step(batch, self.updates)
        if self._average is not None:
            self._average.update_parameters(self.method)
        self.step += 1
        self.cells += len(batch) * self._fabric.world_size

    def infinite_network(self) -> str | None:
        """The name of a network whose weights are no longer all finite."""
        for name in self.method.recipe.optimizer:
            if not all(bool(torch.isfinite(parameter).all()) for parameter in self.method.parameters_of(name)):
                return name
        return None

    def remember(self, evaluation: Evaluation) -> None:
        """Keep the weights of the most realistic evaluation so far, where the recipe's checkpoint rule measures realism."""
        if evaluation.realism is not None and (self._best is None or evaluation.realism < self._best["realism"]):
            weights = {name: value.detach().clone() for name, value in self.evaluated.state_dict().items()}
            self._best = {"step": self.step, "realism": evaluation.realism, "weights": weights}

    def choose(self) -> int:
        """Put the weights that the checkpoint rule chooses into :attr:`evaluated`; return their step."""
        if self._best is None:
            return self.step
        self.evaluated.load_state_dict(self._best["weights"])
        return int(self._best["step"])

    def state(self) -> dict[str, Any]:
        """All that the next step depends on: tensors and plain values."""
        return {
            "step": self.step,
            "cells": self.cells,
            "method": self.method.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
            "updates": self.updates.state(),
            "random": random_state(self._fabric.device),
            "best": self._best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state` as if there had been no stop."""
        self.method.load_state_dict(state["method"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        self.updates.restore(state["updates"])
        self.step, self.cells, self._best = state["step"], state["cells"], state["best"]
        set_random_state(state["random"], self._fabric.device)

    def _placed(self, method: TrainableMethod) -> TrainableMethod:
        """The method on its device, as its memory format and the number of processes want it."""
        method = method.to(self._fabric.device)
        if self._fabric.world_size > 1 and self._fabric.device.type == "cuda":
            method = torch.nn.SyncBatchNorm.convert_sync_batchnorm(method)
        if self.spec.channels_last:
            method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return method
