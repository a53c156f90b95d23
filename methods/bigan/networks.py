"""The networks of BiGAN (Donahue et al. 2017) in the layout of CytoGAN."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cytobench.training.networks import SLOPE, Blocks, encoder
from cytobench.training.processes import uniform


class JointDiscriminator(nn.Module):
    """Image and code to one judgement: ``features`` of the image, which the code joins, and ``joint``."""

    def __init__(self, features: nn.Module, joint: nn.Module):
        super().__init__()
        self.features, self.joint = features, joint

    def forward(self, images: Tensor, code: Tensor) -> Tensor:
        """Return logits (B, 1) for ``images`` (B, C, H, W) in [-1, 1] and ``code`` (B, Z)."""
        return self.joint(torch.cat([self.features(images), code], dim=1))


class Dropout(nn.Module):
    """Dropout whose draw is this process's share of one global draw, as every other draw in training."""

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, values: Tensor) -> Tensor:
        """In training, set each number to 0 with probability ``rate`` and scale the others so that the mean stays."""
        if not self.training or not self.rate:
            return values
        return values * (uniform(tuple(values.shape), values.device) >= self.rate) / (1 - self.rate)


def normalised(blocks: Blocks, channels: int, widths: Sequence[int]) -> nn.Sequential:
    """An encoder's convolutions with batch norm before each activation."""
    layers = list(encoder(blocks, channels, widths))
    stages = zip(layers[::2], map(nn.BatchNorm2d, widths), layers[1::2], strict=True)
    return nn.Sequential(*(layer for stage in stages for layer in stage))


def dropped(blocks: Blocks, channels: int, widths: Sequence[int], rate: float) -> nn.Sequential:
    """An encoder's convolutions with dropout after each activation."""
    layers = list(encoder(blocks, channels, widths))
    stages = zip(layers[::2], layers[1::2], strict=True)
    return nn.Sequential(*(layer for stage in stages for layer in (*stage, Dropout(rate))))


def dense(inputs: int, widths: Sequence[int], rate: float) -> nn.Sequential:
    """Dense layers, each with activation and dropout, and one that judges: (B, inputs) -> (B, 1)."""
    layers: list[nn.Module] = []
    for before, after in zip([inputs, *widths], widths, strict=False):
        layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE), Dropout(rate)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1))
