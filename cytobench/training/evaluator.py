"""Looks at a method between two steps of its training: what it generates, whether it collapsed, how real its cells are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from cytobench.method import AdversarialMethod, CellBatch, GenerativeMethod, InvertibleMethod, TrainableMethod
from cytobench.scoring.realism import fid, kid
from cytobench.training.collapse import discriminator_accuracy, diversity, warnings
from cytobench.training.evaluations import Evaluation
from cytobench.training.settings import CheckpointRule

SHOWN = 64
"""Cells of a picture."""

COMPARED = 256
"""Real cells, and generated ones, that collapse is looked for in."""

BATCH = 64
"""Cells generated at a time."""

Show = Callable[[np.ndarray, int], None]
"""``show(images, step)`` draws (n, C, H, W) images in [0, 1]."""

Features = Callable[[Tensor], np.ndarray]
"""Images (n, C, H, W) in [0, 1] to features (n, D)."""


class Evaluator:
    """Evaluate a method, always on the same real cells and from the same noise, leaving the training's random numbers alone.

    Args:
        real: cells as the method sees them in training.
        rule: the recipe's checkpoint rule.
        features: the rule's feature space, where it has one.
        seed: of the noise.
        show: draws what is generated, or what is reconstructed where nothing is.
    """

    def __init__(self, real: CellBatch, *, rule: CheckpointRule, features: Features | None, seed: int, show: Show):
        self._real, self._rule, self._features, self._seed, self._show = real, rule, features, seed, show

    def evaluate(self, method: TrainableMethod, step: int) -> Evaluation:
        """Look at ``method`` after ``step`` steps."""
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(self._seed)
            method.eval()
            if isinstance(method, GenerativeMethod):
                return self._of_generated(method, step)
            if isinstance(method, InvertibleMethod):
                self._show_reconstructions(method, step)
            return Evaluation(step=step)

    def _of_generated(self, method: GenerativeMethod, step: int) -> Evaluation:
        real = self._real.map(lambda tensor: tensor.to(_device_of(method)))
        generated = torch.cat([method.generate(method.noise(len(part)), part.condition) for part in _parts(real)])
        self._show(_array(generated[:SHOWN]), step)
        varied = diversity(real.images[:COMPARED], generated[:COMPARED])
        accuracy = None
        if isinstance(method, AdversarialMethod):
            condition = None if real.condition is None else real.condition[:COMPARED]
            judged = [method.judge(images[:COMPARED], condition) for images in (real.images, generated)]
            accuracy = discriminator_accuracy(*judged)
        return Evaluation(
            step=step,
            diversity=varied,
            discriminator_accuracy=accuracy,
            realism=self._distance(real.images, generated),
            warnings=warnings(varied, accuracy),
        )

    def _distance(self, real: Tensor, generated: Tensor) -> float | None:
        if self._features is None or self._rule.choose == "last":
            return None
        measure = fid if self._rule.choose == "fid" else kid
        return measure(self._features(real), self._features(generated))

    def _show_reconstructions(self, method: InvertibleMethod, step: int) -> None:
        """Each second cell is the one before it, decoded from its code."""
        cells = next(_parts(self._real.map(lambda tensor: tensor[: SHOWN // 2].to(_device_of(method)))))
        pairs = torch.stack([cells.images, method.decode(method.encode(cells))], dim=1)
        self._show(_array(pairs.flatten(0, 1)), step)


def _parts(cells: CellBatch) -> Iterator[CellBatch]:
    """The cells, some at a time."""
    for start in range(0, len(cells), BATCH):
        yield cells.map(lambda tensor, start=start: tensor[start : start + BATCH])  # type: ignore[misc]


def _device_of(method: object) -> torch.device:
    assert isinstance(method, torch.nn.Module)
    return next(method.parameters()).device


def _array(images: Tensor) -> np.ndarray:
    array: np.ndarray = images.float().cpu().numpy()
    return array
