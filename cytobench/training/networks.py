"""Convolutional halves that the trainable methods are built from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

from cytobench.errors import CytoBenchError

SLOPE = 0.2
"""Of LeakyReLU (Radford et al. 2016, and CytoGAN)."""

Blocks = Literal["strided", "upsampled"]
"""How maps change their size. ``strided``: 4 x 4 convolutions of stride 2, as in DCGAN (Radford et al. 2016), an order of
magnitude faster on a CPU. ``upsampled``: 5 x 5 convolutions, the first at full resolution, and nearest upsampling (CytoGAN)."""


def halvings(blocks: Blocks, widths: Sequence[int]) -> int:
    """How often an encoder of these widths halves height and width."""
    return len(widths) if blocks == "strided" else len(widths) - 1


def encoder(blocks: Blocks, channels: int, widths: Sequence[int]) -> nn.Sequential:
    """Convolutions that halve: (B, channels, S, S) -> (B, widths[-1], S / 2^n, S / 2^n) with n = ``halvings``."""
    if blocks == "strided":
        return halving(channels, widths, slope=SLOPE)
    layers: list[nn.Module] = []
    for before, after in zip([channels, *widths], widths, strict=False):
        layers += [nn.Conv2d(before, after, 5, stride=2 if layers else 1, padding=2), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)


def decoder(blocks: Blocks, inputs: int, widths: Sequence[int], channels: int, size: int) -> nn.Sequential:
    """A dense layer and convolutions that double: (B, inputs) -> (B, channels, size, size), before any last activation.

    Args:
        blocks: how maps grow.
        inputs: length of the code.
        widths: of the maps from the smallest to the largest, an encoder's reversed.
        channels: of the image.
        size: height and width of the image in pixels.
    """
    side = grid_side(size, halvings(blocks, widths))
    first = [nn.Linear(inputs, widths[0] * side * side), nn.Unflatten(1, (widths[0], side, side))]
    first += [nn.BatchNorm2d(widths[0]), nn.LeakyReLU(SLOPE)]
    if blocks == "strided":
        return nn.Sequential(*first, doubling(widths, channels, slope=SLOPE))
    layers: list[nn.Module] = []
    for before, after in zip(widths, widths[1:], strict=False):
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 5, padding=2, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*first, *layers, nn.Conv2d(widths[-1], channels, 5, padding=2))


def flat_features(blocks: Blocks, widths: Sequence[int], size: int) -> int:
    """Length of an encoder's maps laid flat."""
    return widths[-1] * grid_side(size, halvings(blocks, widths)) ** 2


def halving(channels: int, widths: Sequence[int], *, slope: float) -> nn.Sequential:
    """4 x 4 convolutions of stride 2, each halving height and width: (B, channels, S, S) -> (B, widths[-1], S/2^n, S/2^n).

    There is no batch norm here: an encoder's output for a cell must not depend on the cells beside it, and an untrained
    twin must not be crippled by statistics that were never gathered.
    """
    layers: list[nn.Module] = []
    for before, after in zip([channels, *widths], widths, strict=False):
        layers += [nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1), nn.LeakyReLU(slope)]
    return nn.Sequential(*layers)


def doubling(widths: Sequence[int], channels: int, *, slope: float) -> nn.Sequential:
    """4 x 4 transposed convolutions of stride 2 with batch norm: (B, widths[0], s, s) -> (B, channels, s 2^n, s 2^n)."""
    layers: list[nn.Module] = []
    for before, after in zip(widths, widths[1:], strict=False):
        layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(slope)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1))


def grid_side(size: int, halvings: int) -> int:
    """Height and width after ``halvings`` halvings of a crop of ``size`` pixels, refusing a crop that does not divide."""
    side, rest = divmod(size, 2**halvings)
    if rest or side == 0:
        raise CytoBenchError(
            f"a crop of {size} px cannot be halved {halvings} times; set -o input.crop_size to a multiple of {2**halvings}"
        )
    return side
