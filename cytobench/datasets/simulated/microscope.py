"""Photograph drawn cells: neighbours, illumination, blur, background and noise, and what differs between batches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from cytobench.datasets.simulated.parameters import BatchEffect, Optics, ScreenParameters
from cytobench.datasets.simulated.phenotypes import generator

NEIGHBOURS = 5
"""Places around a cell where another may lie."""


class Batch(NamedTuple):
    """What one plate's stain and microscope do, a number a channel; ``size`` scales its cells."""

    gain: np.ndarray
    background: np.ndarray
    blur: np.ndarray
    size: float


def batch_of(week: str, plate: str, seed: int, parameters: ScreenParameters) -> Batch:
    """The batch effects of a plate: those of its week and its own."""
    logs = [_shift(parameters.week, generator(seed, "week", week)), _shift(parameters.plate, generator(seed, "plate", plate))]
    shift, optics = logs[0] + logs[1], parameters.optics
    blur = np.maximum(np.asarray(optics.blur) + shift[6], 0.4)
    return Batch(optics.gain * np.exp(shift[:3]), optics.background * np.exp(shift[3:6]), blur, float(np.exp(shift[7])))


def with_neighbours(images: np.ndarray, masks: np.ndarray, cells: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Let other cells of the same well peek in at the border.

    Args:
        images: (n, 3, size, size) cells drawn alone.
        masks: (n, size, size), whose cell covers its neighbours.
        cells: n rows with ``well_row``, ``cell_radius`` and ``cell_count`` (a crowded well has more neighbours).
        rng: where chance comes from.
    """
    crowded = images.copy()
    radius, owner = cells.cell_radius.to_numpy(), cells.well_row.to_numpy()
    first, last = np.searchsorted(owner, owner), np.searchsorted(owner, owner, side="right")
    turn = rng.uniform(0, 2 * np.pi, len(images))
    for place in range(NEIGHBOURS):
        other = rng.integers(first, last)
        reach = (radius + radius[other]) * rng.uniform(0.85, 1.15, len(images))
        angle = turn + (place + rng.uniform(-0.3, 0.3, len(images))) * 2 * np.pi / NEIGHBOURS
        right, down = np.rint(reach * [np.cos(angle), np.sin(angle)]).astype(int)
        for row in np.flatnonzero(rng.random(len(images)) < 0.75 * cells.cell_count):
            _overlay(crowded[row], images[other[row]], masks[row], right[row], down[row])
    return crowded


def photograph(
    images: np.ndarray, batch: Batch, positions: np.ndarray, field: tuple[int, int], optics: Optics, rng: np.random.Generator
) -> np.ndarray:
    """Turn intensities into camera counts.

    Args:
        images: (n, 3, size, size) float32.
        batch: the plate's gain, background and blur.
        positions: (n, 2) x and y of each cell in its field of view, in px.
        field: width and height of a field of view, in px.
        optics: shading and noise.
        rng: where chance comes from.

    Returns:
        (n, 3, size, size) uint16: 12-bit counts times 16.
    """
    centred = positions / np.asarray(field) - 0.5
    light = 1 - optics.shading * 2 * (centred**2).sum(axis=1)
    counts = np.empty(images.shape, np.uint16)
    for channel in range(images.shape[1]):
        sharp = images[:, channel] * (light * batch.gain[channel]).astype(np.float32)[:, None, None]
        mean = gaussian_filter(sharp, (0, batch.blur[channel], batch.blur[channel]), mode="nearest")
        mean += np.float32(batch.background[channel])
        spread = np.sqrt(mean / np.float32(optics.electrons) + np.float32(optics.read_noise**2))
        seen = mean + spread * rng.standard_normal(mean.shape, dtype=np.float32)
        counts[:, channel] = np.rint(seen).clip(0, 4095).astype(np.uint16) * 16
    return counts


def _shift(effect: BatchEffect, rng: np.random.Generator) -> np.ndarray:
    """Log gain and log background of three channels, blur and log size: (8,)."""
    return rng.normal(0, [effect.gain] * 3 + [effect.background] * 3 + [effect.blur, effect.size])


def _overlay(target: np.ndarray, other: np.ndarray, mask: np.ndarray, right: int, down: int) -> None:
    """Draw ``other`` (3, size, size), moved by ``right`` and ``down`` px, behind the cell of ``mask`` in ``target``."""
    size = mask.shape[0]
    if max(abs(right), abs(down)) >= size:
        return
    rows, columns = (slice(max(move, 0), size + min(move, 0)) for move in (down, right))
    sources = tuple(slice(max(-move, 0), size + min(-move, 0)) for move in (down, right))
    behind = target[:, rows, columns]
    np.maximum(behind, other[:, sources[0], sources[1]] * (mask[rows, columns] == 0), out=behind)
