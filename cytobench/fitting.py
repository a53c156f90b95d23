"""Train a plan's method: its cells, its looks at itself and its files come together here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file

from cytobench import registry
from cytobench.checkpoints import find_checkpoint
from cytobench.datasets.batches import BatchReader
from cytobench.datasets.conditions import Conditions
from cytobench.datasets.samplers import make_sampler
from cytobench.datasets.selection import select
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, Method, TrainableMethod
from cytobench.plan import Plan
from cytobench.results.training_figures import draw_grid
from cytobench.training.checkpoint import STATE, WEIGHTS, load_state
from cytobench.training.evaluator import COMPARED, Evaluator, Features
from cytobench.training.launch import is_first_process
from cytobench.training.recipe import choose_recipe, read_recipes
from cytobench.training.settings import TrainingSpec
from cytobench.training.trainer import Trained, Trainer

COLUMNS = 8
"""Cells in a row of a picture."""


def fit(plan: Plan, folder: Path, fabric: Fabric, *, progress: bool) -> Trained:
    """Train ``plan``'s method, this process doing its share; only the first writes, into ``folder``.

    Args:
        plan: of a method that is trained.
        folder: the run's.
        fabric: this process among those that train together.
        progress: show a progress bar on stderr.
    """
    assert isinstance(plan.data, CellStore) and plan.recipe.training is not None  # make_plan has checked both
    store, method = plan.data, plan.make_method()
    if not isinstance(method, TrainableMethod):
        raise CytoBenchError(f"{plan.entry.card.name}: its card says trained, but its class is no TrainableMethod")
    training, processes = plan.recipe.training, fabric.world_size
    if training.batch_size % processes:
        raise CytoBenchError(
            f"a batch of {training.batch_size} cells does not divide by {processes} processes; set -o training.batch_size"
        )
    reader = BatchReader(plan.data, plan.recipe.input, Conditions(plan.data, plan.recipe.condition))
    sampler = make_sampler(
        plan.data,
        training.sampling,
        batch_size=training.batch_size // processes,
        seed=plan.seed,
        rank=fabric.global_rank,
        ranks=processes,
        train_on=training.train_on,
    )

    def batches(step: int) -> Iterator[CellBatch]:
        sampler.position = step
        return (reader.read(rows) for rows in sampler)

    trainer = Trainer(
        method,
        seed=plan.seed,
        folder=folder if is_first_process() else None,
        facts=_facts(plan),
        fabric=fabric,
        evaluator=_evaluator(plan, training, store, reader, folder) if is_first_process() else None,
        start=_start(plan),
    )
    return trainer.fit(batches, progress=progress)


def _facts(plan: Plan) -> dict[str, Any]:
    """What a state in the run's folder must have been made with."""
    record = plan.record()
    return {
        "method": record.method,
        "recipe": record.recipe,
        "dataset": record.dataset_identity,
        "seed": record.seed,
        "origin": None if record.origin is None else record.origin.weights_sha256,
        "training key": record.keys.train,
        "channels": list(record.channels),
        "conditions": list(record.conditions),
    }


def _evaluator(plan: Plan, training: TrainingSpec, store: CellStore, reader: BatchReader, folder: Path) -> Evaluator:
    rule, rows = training.checkpoint, select(store, training.train_on)
    count = min(COMPARED if rule.choose == "last" else max(COMPARED, rule.cells), len(rows))
    chosen = np.random.default_rng(plan.seed).choice(rows, count, replace=False)
    figures = folder / "figures"

    def show(images: np.ndarray, step: int) -> None:
        draw_grid(images, figures / f"samples-{step:06d}.png", COLUMNS)
        draw_grid(images, figures / "samples.png", COLUMNS)

    features = None if rule.choose == "last" else _features(rule.features, store.channels, reader.size)
    return Evaluator(reader.read(chosen), rule=rule, features=features, seed=plan.seed, show=show)


def _features(name: str, channels: tuple[str, ...], size: int) -> Features:
    """The feature space of a checkpoint rule: the embedding of a method that learned nothing from these cells."""
    entry = registry.method(name)
    if entry.card.trained or entry.card.input != "images" or entry.card.supervision not in ("none", "imagenet"):
        raise CytoBenchError(
            f"training.checkpoint.features: {name} is no method that embeds cells without training and without labels; "
            "use random-network or intensity"
        )
    recipe = choose_recipe(read_recipes(entry.recipe_file), None, (), name)[1]
    method: Method = entry.load_class()(recipe, channels, size, 0)

    def features(images: torch.Tensor) -> np.ndarray:
        embedded = [method.embed(CellBatch(part.cpu(), None, channels)) for part in images.split(COMPARED)]
        return np.concatenate([np.asarray(part) for part in embedded])

    return features


def _start(plan: Plan) -> dict[str, Any] | None:
    """The state that training begins with, where it goes on from another's."""
    if plan.origin is None:
        return None
    folder = find_checkpoint(plan.origin.where).path
    if (folder / STATE).is_file():
        return load_state(folder / STATE)
    return {"method": load_file(folder / WEIGHTS)}
