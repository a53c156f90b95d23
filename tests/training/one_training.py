"""A small training in a process of its own, so that it can be killed and multiplied.

python one_training.py FOLDER STEPS BATCH [SLEEP]
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from cytobench.method import CellBatch, TrainableMethod, Update
from cytobench.training.launch import is_first_process, make_fabric
from cytobench.training.processes import normal, rank, ranks
from cytobench.training.recipe import Recipe
from cytobench.training.trainer import Trainer


class Pair(TrainableMethod):
    """Two networks, one judging what the other makes: an adversarial method without batch norm, in small."""

    def setup(self) -> None:
        """Build both networks."""
        self.maker = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))
        self.judge = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, 8)."""
        return self.judge[:2](cells.images.flatten(1))

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """One step of each."""
        real, made = batch.images.flatten(1), self.maker(normal((len(batch), 3), batch.images.device))
        noisy = real + 0.1 * normal(tuple(real.shape), real.device)
        update("judge", (self.judge(noisy) - 1).square().mean() + self.judge(made.detach()).square().mean())
        update("maker", (self.judge(made) - 1).square().mean())


def recipe(steps: int, batch: int) -> Recipe:
    optimizer = {"lr": 0.01, "decay": {"factor": 0.9, "every": 7}}
    training = {"steps": steps, "batch_size": batch, "ema": 0.9, "augment": "flips-rotations", "clip": 0.5, "evaluate_every": 10}
    return Recipe.model_validate({"optimizer": {"judge": optimizer, "maker": optimizer}, "training": training})


def cells(start: int, batch: int, sleep: float) -> Iterator[CellBatch]:
    """This process's share of global batches that only their number decides."""
    step = start
    while True:
        together = torch.rand(batch, 1, 2, 2, generator=torch.Generator().manual_seed(step))
        yield CellBatch(together.chunk(ranks())[rank()], None, ("DNA",))
        step += 1
        time.sleep(sleep)


def train(folder: Path, steps: int, batch: int, sleep: float = 0.0) -> Trainer:
    """Train, going on where the folder's state was left."""
    fabric = make_fabric(torch.device("cpu"), "32-true")
    method = Pair(recipe(steps, batch), ("DNA",), 2, seed=3)
    facts = {"recipe": method.recipe.model_dump(mode="json")}
    trainer = Trainer(method, seed=3, folder=folder if is_first_process() else None, facts=facts, fabric=fabric)
    trained = trainer.fit(lambda step: cells(step, batch, sleep), progress=False)
    print(json.dumps({"cells": trained.cells, "step": trained.step}))
    return trainer


if __name__ == "__main__":
    train(Path(sys.argv[1]), *map(int, sys.argv[2:4]), *map(float, sys.argv[4:5]))
