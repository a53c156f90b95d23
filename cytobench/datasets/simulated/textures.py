"""Textures of cells, looked up in periodic banks: grain and filaments. Each cell takes its own place in a bank."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter

from cytobench.datasets.simulated.outlines import Pixels

BANK = 512
"""Side of a bank in texels, a power of two; a turn of the polar angle spans it, so that filaments close around a cell."""


def grain(pixels: Pixels, width: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit variance (pixels,) float32, ``width`` px smooth."""
    start = rng.integers(0, BANK, (2, pixels.cell.max(initial=-1) + 1), dtype=np.int32)
    rows, columns = pixels.y.astype(np.int32), pixels.x.astype(np.int32)
    return _grain_bank(width)[_place(pixels, rows, columns, start)]


def filaments(
    pixels: Pixels, across: np.ndarray, along: np.ndarray, bundling: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Filaments (pixels,), 0 to 1, at positions in turns of a bank: lines where streaked noise passes through 0.

    Args:
        pixels: where.
        across: position across the filaments, in turns.
        along: position along them, in turns.
        bundling: (cells,), 0 thin to 1 thick.
        rng: where chance comes from.
    """
    start = rng.integers(0, BANK, (2, len(bundling)), dtype=np.int32)
    rows, columns = ((part * np.float32(BANK)).astype(np.int32) for part in (across, along))
    place = _place(pixels, rows, columns, start)
    thin, thick = (_filament_bank(width)[place] for width in (6.0, 16.0))
    return thin + pixels.each(bundling) * (thick - thin)


def _place(pixels: Pixels, rows: np.ndarray, columns: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Indices into a flat bank, from each cell's ``start`` (2, cells) on."""
    shifted = (rows + start[0][pixels.cell], columns + start[1][pixels.cell])
    return (shifted[0] & (BANK - 1)) * BANK + (shifted[1] & (BANK - 1))


@cache
def _filament_bank(width: float) -> np.ndarray:
    """A periodic bank of filaments, flat float32, ``width`` texels wide; the same for all plates."""
    noise = np.random.default_rng(0).standard_normal((BANK, BANK), dtype=np.float32)
    streaks = gaussian_filter(noise, (width, 4 * width), mode="wrap")
    presence = gaussian_filter(noise, 3 * width, mode="wrap")
    lines = np.exp(-((streaks / (0.4 * streaks.std())) ** 2))
    present = ((presence / presence.std() + 0.8) / 0.7 + 0.5).clip(0, 1)
    return np.asarray(lines * present, dtype=np.float32).ravel()


@cache
def _grain_bank(width: float) -> np.ndarray:
    """A periodic bank of smooth noise of unit variance, flat float32; the same for all plates."""
    noise = np.random.default_rng(1).standard_normal((BANK, BANK), dtype=np.float32)
    smooth = gaussian_filter(noise, width, mode="wrap")
    return np.asarray(smooth / smooth.std(), dtype=np.float32).ravel()
