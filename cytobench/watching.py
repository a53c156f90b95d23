"""What looks at a method while it is trained: which real cells, in which feature space, and where its pictures go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from cytobench import registry
from cytobench.datasets.batches import BatchReader
from cytobench.datasets.selection import select
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, GenerativeMethod, Method, TrainableMethod
from cytobench.results.training_figures import draw_grid
from cytobench.training.evaluator import COMPARED, SHOWN, Evaluator, Features
from cytobench.training.recipe import choose_recipe, read_recipes
from cytobench.training.settings import CheckpointRule, TrainingSpec

COLUMNS = 8
"""Cells in a row of a picture."""


def make_evaluator(store: CellStore, reader: BatchReader, training: TrainingSpec, *, seed: int, figures: Path) -> Evaluator:
    """Return what evaluates a method now and then.

    Args:
        store: the cells that it is trained on.
        reader: reads them as it sees them.
        training: of its recipe.
        seed: of the choice of real cells, and of the noise.
        figures: where pictures are drawn.
    """
    rule, rows = training.checkpoint, select(store, training.train_on)
    count = min(COMPARED if rule.choose == "last" else max(COMPARED, rule.cells), len(rows))
    chosen = np.random.default_rng(seed).choice(rows, count, replace=False)

    real = reader.read(chosen)
    draw_grid(real.images[:SHOWN].numpy(), figures / "real.png", COLUMNS)

    def show(images: np.ndarray, step: int) -> None:
        draw_grid(images, figures / f"samples-{step:06d}.png", COLUMNS)
        draw_grid(images, figures / "samples.png", COLUMNS)

    features = None if rule.choose == "last" else _features(rule.features, store.channels, reader.size)
    return Evaluator(real, rule=rule, features=features, seed=seed, show=show)


def check_rule(rule: CheckpointRule, method: TrainableMethod) -> None:
    """Refuse a checkpoint rule that compares cells which the method does not generate, or in a feature space that was trained."""
    if rule.choose == "last":
        return
    if not isinstance(method, GenerativeMethod):
        raise CytoBenchError(
            f"training.checkpoint.choose {rule.choose} compares generated cells, and {type(method).__name__} generates none; "
            "set it to last"
        )
    feature_method(rule.features)


def feature_method(name: str) -> registry.MethodEntry:
    """The method whose embedding is a checkpoint rule's feature space: one that learned nothing from these cells."""
    entry = registry.method(name)
    if entry.card.trained or entry.card.input != "images" or entry.card.supervision not in ("none", "imagenet"):
        raise CytoBenchError(
            f"training.checkpoint.features: {name} is no method that embeds cells without training and without labels; "
            "use random-network or intensity"
        )
    return entry


def _features(name: str, channels: tuple[str, ...], size: int) -> Features:
    entry = feature_method(name)
    recipe = choose_recipe(read_recipes(entry.recipe_file), None, (), name)[1]
    method: Method = entry.load_class()(recipe, channels, size, 0)

    def features(images: torch.Tensor) -> np.ndarray:
        embedded = [method.embed(CellBatch(part.cpu(), None, channels)) for part in images.split(COMPARED)]
        return np.concatenate([np.asarray(part) for part in embedded])

    return features
