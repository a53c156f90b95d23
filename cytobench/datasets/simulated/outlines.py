"""Outlines of nuclei and cells: how deep each pixel lies inside, and where it lies along and around the shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d

ANGLES = 256
"""Directions in which an outline's radius is tabulated."""


class Outline(NamedTuple):
    """Star-shaped outlines, each field (n, size, size) float32."""

    depth: np.ndarray
    """px inside the outline; negative outside."""
    radius: np.ndarray
    """distance from the centre, relative to the outline's."""
    turn: np.ndarray
    """direction from the centre, 0 to 1."""
    distance: np.ndarray
    """px from the centre."""
    along: np.ndarray
    """px along the long axis."""
    across: np.ndarray
    """px across it."""


def outline(
    radius: pd.Series,
    elongation: pd.Series,
    angle: np.ndarray,
    roughness: pd.Series,
    spikes: pd.Series | np.ndarray,
    size: int,
    rng: np.random.Generator,
    wander: float = 0.0,
) -> Outline:
    """Rough ellipses, one a cell.

    Args:
        radius: mean radius of each, px.
        elongation: long over short axis.
        angle: direction of the long axis, radians.
        roughness: amplitude of slow changes of the outline, relative to the radius.
        spikes: amplitude of fast changes of the outline, relative to the radius.
        size: side of the crops in px.
        rng: where chance comes from.
        wander: standard deviation of the centre's distance from the crop's, relative to the radius.
    """
    mean, stretch = _column(radius), np.sqrt(_column(elongation))
    offset = rng.normal(0, 1, (2, len(mean), 1, 1)).astype(np.float32) * wander * mean
    along, across = _rotated(angle, size, offset)
    long, short = along / stretch, across * stretch
    distance = np.hypot(long, short)
    turn = np.arctan2(short, long) * np.float32(0.5 / np.pi) + np.float32(0.5)
    edge = mean * _at(_radii(_column(roughness)[..., 0], _column(spikes)[..., 0], rng), turn)
    return Outline(edge - distance, distance / edge, turn, np.hypot(along, across), along, across)


def lobes(radius: np.ndarray, angle: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Depth (n, size, size) of nuclei in two to four touching lobes about the crop's centre."""
    count = rng.integers(2, 5, len(radius))
    depth = np.full((len(radius), size, size), -np.inf, np.float32)
    for lobe in range(4):
        direction = angle + 2 * np.pi * lobe / count + rng.normal(0, 0.15, len(radius))
        reach, own = radius * rng.uniform(0.48, 0.6, len(radius)), radius * rng.uniform(0.58, 0.72, len(radius))
        offset = np.stack([reach * np.cos(direction), reach * np.sin(direction)])[..., None, None].astype(np.float32)
        along, across = _rotated(0 * angle, size, offset)
        drawn = (lobe < count)[:, None, None]
        depth = np.where(drawn, np.maximum(depth, own[:, None, None] - np.hypot(along, across)), depth)
    return depth


def _rotated(angle: np.ndarray, size: int, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates along and across each axis, from the crop's centre plus ``offset`` (2, n, 1, 1)."""
    pixel = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
    x, y = pixel[None, None, :] - offset[0], pixel[None, :, None] - offset[1]
    cosine, sine = _column(np.cos(angle)), _column(np.sin(angle))
    return x * cosine + y * sine, y * cosine - x * sine


def _radii(roughness: np.ndarray, spikes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Relative radii (n, ANGLES): slow noise around the outline, and fast noise that only protrudes."""
    slow, fast = (_around(len(roughness), width, rng) for width in (18.0, 4.0))
    return np.asarray(np.maximum(1 + roughness * slow + spikes * np.maximum(fast - 0.5, 0) * 3, 0.5), dtype=np.float32)


def _around(cells: int, width: float, rng: np.random.Generator) -> np.ndarray:
    """Periodic noise of unit variance around each outline, ``width`` of ANGLES smooth."""
    smooth = gaussian_filter1d(rng.standard_normal((cells, ANGLES)), width, axis=1, mode="wrap")
    return np.asarray(smooth * np.sqrt(2 * np.sqrt(np.pi) * width))


def _at(table: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Look each cell's ``table`` (n, ANGLES) up at ``turn`` (n, size, size)."""
    index = (turn * ANGLES).astype(np.int32) % ANGLES
    return np.take_along_axis(table, index.reshape(len(table), -1), axis=1).reshape(turn.shape)


def _column(values: pd.Series | np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)[:, None, None]
