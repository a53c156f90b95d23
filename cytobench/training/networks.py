"""Convolutional halves that the trainable methods are built from."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from cytobench.errors import CytoBenchError


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
