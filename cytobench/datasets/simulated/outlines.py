"""Outlines of nuclei and cells: how deep each pixel lies inside, and where it lies along and around the shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

ANGLES = 256
"""Directions in which an outline's radius is tabulated."""


class Pixels(NamedTuple):
    """The pixels that cells are drawn in, cell after cell; each field (pixels,). No canvas cuts a cell off."""

    cell: np.ndarray
    """the row of the pixel's cell."""
    x: np.ndarray
    """px to the right of the centre of the cell's nucleus, whole numbers as float32."""
    y: np.ndarray
    """px below it."""

    def each(self, values: np.ndarray) -> np.ndarray:
        """One number a cell, repeated for its pixels: (pixels,) float32."""
        return np.asarray(values, dtype=np.float32)[self.cell]

    def where(self, chosen: np.ndarray) -> Pixels:
        """The pixels ``chosen`` by a mask or by their rows."""
        return Pixels(self.cell[chosen], self.x[chosen], self.y[chosen])


class Outline(NamedTuple):
    """Outlines as seen from each pixel; each field (pixels,) float32."""

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


class Shapes(NamedTuple):
    """Rough ellipses, one a cell; each field begins with (cells,)."""

    stretch: np.ndarray
    """square root of long over short axis."""
    angle: np.ndarray
    """direction of the long axis, radians."""
    centre: np.ndarray
    """(cells, 2), px right of and below the centre of the nucleus."""
    edge: np.ndarray
    """(cells, ANGLES), the radius in px around the ellipse."""

    @property
    def reach(self) -> np.ndarray:
        """The greatest distance of a cell's outline from the centre of its nucleus, px."""
        return np.asarray(self.edge.max(axis=1) * self.stretch + np.hypot(*self.centre.T))

    def seen_from(self, pixels: Pixels) -> Outline:
        """Depth and place of each pixel in its cell's shape."""
        along, across = _rotated(pixels, self.angle, self.centre)
        stretch = pixels.each(self.stretch)
        long, short = along / stretch, across * stretch
        distance = np.sqrt(long * long + short * short)
        turn = np.arctan2(short, long) * np.float32(0.5 / np.pi) + np.float32(0.5)
        edge = self.edge.ravel()[pixels.cell * ANGLES + (turn * ANGLES).astype(np.int32) % ANGLES]
        return Outline(edge - distance, distance / edge, turn, np.sqrt(along * along + across * across), along, across)


def shapes(
    radius: np.ndarray,
    elongation: np.ndarray,
    angle: np.ndarray,
    roughness: np.ndarray,
    spikes: np.ndarray,
    rng: np.random.Generator,
    wander: float = 0.0,
) -> Shapes:
    """Rough ellipses, one a cell.

    Args:
        radius: mean radius of each, px.
        elongation: long over short axis.
        angle: direction of the long axis, radians.
        roughness: amplitude of slow changes of the outline, relative to the radius.
        spikes: amplitude of fast changes of the outline, relative to the radius.
        rng: where chance comes from.
        wander: standard deviation of the centre's distance from the nucleus, relative to the radius.
    """
    mean = np.asarray(radius, np.float32)
    centre = rng.normal(0, 1, (len(mean), 2)).astype(np.float32) * wander * mean[:, None]
    edge = mean[:, None] * _radii(roughness, spikes, rng)
    return Shapes(np.sqrt(np.asarray(elongation, np.float32)), np.asarray(angle, np.float32), centre, edge)


def pixels_within(reach: np.ndarray) -> Pixels:
    """The pixels nearer to the centre of each nucleus than ``reach`` (cells,) in px."""
    furthest = int(np.ceil(reach.max(initial=0)))
    offset = np.arange(-furthest, furthest + 1, dtype=np.float32)
    squared = (offset[:, None] ** 2 + offset**2).ravel()
    cell, place = np.nonzero(squared <= (reach**2)[:, None])
    return Pixels(cell, offset[place % len(offset)], offset[place // len(offset)])


def lobes(radius: np.ndarray, angle: np.ndarray, pixels: Pixels, rng: np.random.Generator) -> np.ndarray:
    """Depth (pixels,) of nuclei in two to four touching lobes; ``radius`` and ``angle`` (cells,) are the whole nucleus'."""
    count = rng.integers(2, 5, len(radius))
    depth = np.full(len(pixels.cell), -np.inf, np.float32)
    for lobe in range(4):
        direction = angle + 2 * np.pi * lobe / count + rng.normal(0, 0.15, len(radius))
        out, own = radius * rng.uniform(0.48, 0.6, len(radius)), radius * rng.uniform(0.58, 0.72, len(radius))
        along, across = _rotated(pixels, 0 * angle, out[:, None] * np.stack([np.cos(direction), np.sin(direction)], axis=1))
        drawn = pixels.each(np.where(lobe < count, own, -np.inf))
        np.maximum(depth, drawn - np.hypot(along, across), out=depth)
    return depth


def _rotated(pixels: Pixels, angle: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates along and across each axis, from ``centre`` (cells, 2)."""
    x, y = pixels.x - pixels.each(centre[:, 0]), pixels.y - pixels.each(centre[:, 1])
    cosine, sine = pixels.each(np.cos(angle)), pixels.each(np.sin(angle))
    return x * cosine + y * sine, y * cosine - x * sine


def _radii(roughness: np.ndarray, spikes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Relative radii (cells, ANGLES): slow noise around the outline, and fast noise that only protrudes."""
    slow, fast = (_around(len(roughness), width, rng) for width in (18.0, 4.0))
    protruding = spikes[:, None] * np.maximum(fast - 0.5, 0) * 3
    return np.asarray(np.maximum(1 + roughness[:, None] * slow + protruding, 0.5), dtype=np.float32)


def _around(cells: int, width: float, rng: np.random.Generator) -> np.ndarray:
    """Periodic noise of unit variance around each outline, ``width`` of ANGLES smooth."""
    smooth = gaussian_filter1d(rng.standard_normal((cells, ANGLES), dtype=np.float32), width, axis=1, mode="wrap")
    return np.asarray(smooth * np.sqrt(2 * np.sqrt(np.pi) * width))
