"""The sections of a recipe: what a method sees, its optimizers, and how it is trained."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from cytobench.schema import Record

if TYPE_CHECKING:
    import torch

Beta = Annotated[float, Field(ge=0, lt=1)]
"""A decay rate of Adam's moments."""

Sampling = Literal["shuffled", "balanced-treatment", "balanced-plate", "dmso"]
"""Which cells a method is trained on, and how often: every cell once an epoch; treatments or plates equally often; DMSO only."""

Condition = Literal["concentration", "treatment"]
"""What a conditional method is told of a cell in training: its concentration alone, or its compound too."""


Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
"""The arithmetic of forward passes: single precision, or mixed with half precision where that is safe."""


class InputSpec(Record):
    """What a method wants to see of a cell."""

    scaling: Literal["luminance", "percentile", "range"] = "luminance"
    """``luminance``: each channel by its own maximum in that cell (CytoGAN); ``percentile``: by fixed percentiles of its
    plate and channel; ``range``: by the bit depth."""
    crop_size: int | None = Field(default=None, gt=0)
    """Height and width of the central crop in pixels; None for the store's own."""
    masks: bool = False
    """Whether it wants the mask of the centred cell; where the store has none, each crop is segmented."""


class EmbeddingSpec(Record):
    """How cells are embedded; a training does not depend on it."""

    precision: Precision = "32-true"


class LearningRateDecay(Record):
    """Multiply the learning rate by ``factor`` every ``every`` updates."""

    factor: float = Field(gt=0, le=1)
    every: int = Field(gt=0)


class OptimizerSpec(Record):
    """Adam (Kingma and Ba 2015), or AdamW (Loshchilov and Hutter 2019), for one network."""

    algorithm: Literal["adam", "adamw"] = "adam"
    lr: float = Field(gt=0)
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)
    decay: LearningRateDecay | None = None
    warmup: int = Field(default=0, ge=0)
    """Updates over which the learning rate rises linearly from 0."""
    cosine: bool = False
    """Whether it then falls to 0 along half a cosine (Loshchilov and Hutter 2017) by the last step."""

    def build(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer over ``parameters``; AdamW spares biases and norms its decay (as He et al. 2022's code)."""
        import torch

        if self.algorithm == "adam":
            return torch.optim.Adam(parameters, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay)
        every = list(parameters)
        groups: list[dict[str, Any]] = [
            {"params": [parameter for parameter in every if parameter.dim() > 1]},
            {"params": [parameter for parameter in every if parameter.dim() < 2], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay)

    def learning_rate(self, update: int, steps: int) -> float:
        """The learning rate of an update (from 0) of ``steps``: a function of its number alone, so that it resumes exactly."""
        rate = self.lr * (self.decay.factor ** (update // self.decay.every) if self.decay else 1)
        if update < self.warmup:
            return rate * (update + 1) / self.warmup
        if self.cosine:
            rate *= (1 + math.cos(math.pi * (update - self.warmup) / max(steps - self.warmup, 1))) / 2
        return rate


class CheckpointRule(Record):
    """Which step's weights are kept; no rule sees an MOA."""

    choose: Literal["last", "fid", "kid"] = "last"
    """``last``: the last step's; ``fid``, ``kid``: the evaluation whose generated cells are nearest to real ones (Heusel et al.
    2017; Binkowski et al. 2018)."""
    features: str = "random-network"
    """The method whose embedding of real and generated cells is compared: a registered one that needs no training."""
    cells: int = Field(default=512, gt=1)
    """Real cells, and as many generated ones."""


class TrainingSpec(Record):
    """How long, on what batches and in what arithmetic."""

    steps: int = Field(gt=0)
    batch_size: int = Field(gt=1)
    """Cells a step, over all processes."""
    sampling: Sampling = "shuffled"
    """``balanced-treatment`` needs a card that declares the supervision ``treatment``."""
    train_on: str | None = None
    """Which cells to train on, as ``week!=Week10``; all where None."""
    augment: Literal["none", "flips-rotations"] = "none"
    """``flips-rotations``: the eight symmetries of the square, one drawn for each batch."""
    clip: float | None = Field(default=None, gt=0)
    """Maximum gradient norm of each network."""
    ema: float | None = Field(default=None, gt=0, lt=1)
    """Decay of the exponential moving average of the weights, which is then what is evaluated and kept."""
    precision: Precision = "32-true"
    channels_last: bool = False
    compile: bool = False
    """Whether networks go through ``torch.compile`` on an accelerator."""
    evaluate_every: int = Field(default=200, gt=0)
    """Steps between evaluations: state saved, generated cells drawn, collapse looked for, the checkpoint rule applied."""
    checkpoint: CheckpointRule = CheckpointRule()
