"""Draw cells from their traits: a nucleus, microtubules around it, actin at the border; neighbours come later."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from cytobench.datasets.simulated.outlines import Outline, lobes, outline
from cytobench.datasets.simulated.parameters import STATES

BANK = 512
"""Side of a bank of filaments; a turn of the polar angle spans it, so that filaments close around a cell."""


def draw(traits: pd.DataFrame, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw each cell alone, before any optics.

    Args:
        traits: n rows with every trait and ``state``.
        size: side of the crops in px.
        rng: where chance comes from.

    Returns:
        Intensities (n, 3, size, size) float32 of DNA, tubulin and actin, about 1 in a control cell, and masks (n, size, size)
        uint8: 0 elsewhere, 1 cytoplasm, 2 nucleus.
    """
    nucleus, cell = _outlines(traits, size, rng)
    fine, coarse = (_noise((len(traits), size, size), sigma, rng) for sigma in (1.1, 2.6))
    dna = _dna(traits, nucleus, fine, coarse)
    tubulin = _tubulin(traits, nucleus, cell, rng)
    actin = _actin(traits, nucleus, cell, fine, coarse, rng)
    masks = ((cell.depth > 0).astype(np.uint8) + (nucleus.depth > 0)).astype(np.uint8)
    return np.stack([dna, tubulin, actin], axis=1), masks


def _outlines(traits: pd.DataFrame, size: int, rng: np.random.Generator) -> tuple[Outline, Outline]:
    """The nucleus at the crop's centre and its cell, a little off it and along nearly the same axis."""
    angle = rng.uniform(0, 2 * np.pi, len(traits))
    nucleus = outline(traits.nucleus_radius, traits.nucleus_elongation, angle, traits.nucleus_roughness, 0 * angle, size, rng)
    several = np.flatnonzero(traits.state == STATES.index("multinucleate"))
    nucleus.depth[several] = lobes(traits.nucleus_radius.to_numpy()[several], angle[several], size, rng)
    tilted = angle + rng.normal(0, 0.4, len(traits))
    cell = outline(
        traits.cell_radius, traits.cell_elongation, tilted, traits.cell_roughness, traits.protrusions, size, rng, wander=0.12
    )
    np.maximum(cell.depth, nucleus.depth + 2.5, out=cell.depth)
    return nucleus, cell


def _dna(traits: pd.DataFrame, nucleus: Outline, fine: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Chromatin: a dome with texture, dark nucleoli, and a ring where the spindle has one pole."""
    coarseness = _each(traits.dna_coarseness).clip(0, 1)
    texture = 1 + _each(traits.dna_contrast) * ((1 - coarseness) * fine + coarseness * coarse)
    dark = 1 - _each(traits.nucleoli).clip(0, 1) * _step(-coarse - 1.1, 0.3) * _step(nucleus.depth - 2.5, 1)
    hollow = _each(traits.state == STATES.index("monopolar")) * np.exp(-((nucleus.radius / 0.5) ** 2))
    dome = 0.65 + 0.35 * (nucleus.depth / _each(traits.nucleus_radius)).clip(0, 1)
    return _each(traits.dna_intensity) * _step(nucleus.depth, 0.8) * dome * texture.clip(0.1) * dark * (1 - 0.8 * hollow)


def _tubulin(traits: pd.DataFrame, nucleus: Outline, cell: Outline, rng: np.random.Generator) -> np.ndarray:
    """Microtubules: a diffuse part, a halo around the nucleus, filaments that radiate and that run along the cell, spindles."""
    radial = _filaments(nucleus.turn + 0.02 * nucleus.across, 0.004 * nucleus.distance, traits.tubulin_bundling, rng)
    bent = cell.across + _each(rng.normal(0, 0.012, len(traits))) * cell.along**2
    lengthwise = _filaments(0.011 * bent, 0.004 * cell.along, traits.tubulin_bundling, rng)
    halo = np.exp(-np.abs(nucleus.depth + 1.5) / 5)
    inside = _step(cell.depth, 1) * (0.35 + 0.65 * (cell.depth / 8).clip(0, 1))
    spindle = _spindle(traits, nucleus, radial)
    filaments = np.maximum(radial, lengthwise * (spindle == 0)) * (1 + 0.5 * _each(traits.tubulin_bundling))
    parts = 0.3 + _each(traits.tubulin_perinuclear) * halo + _each(traits.tubulin_filaments) * filaments
    return _each(traits.tubulin_intensity) * inside * (parts * (1 - 0.45 * _step(nucleus.depth - 2, 2)) + spindle)


def _spindle(traits: pd.DataFrame, nucleus: Outline, radial: np.ndarray) -> np.ndarray:
    """The spindle of a dividing cell: across the plate of chromosomes, or a star where it has one pole; 0 in other states."""
    bipolar, monopolar = (_each(traits.state == STATES.index(state)) for state in ("mitotic", "monopolar"))
    star = np.exp(-nucleus.distance / 7) * (0.8 + 4 * radial)
    barrel = 1.8 * np.exp(-((nucleus.along / 8) ** 2) - (nucleus.across / 11) ** 2) * (0.6 + radial)
    return (bipolar * barrel + monopolar * star) * _each(traits.tubulin_filaments).clip(0, 1)


def _actin(
    traits: pd.DataFrame, nucleus: Outline, cell: Outline, fine: np.ndarray, coarse: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Filamentous actin: the cortex at the border, stress fibres along the cell, and aggregates."""
    cortex = np.exp(-(((cell.depth - 1.4) / 1.5) ** 2)) * (1 + 0.45 * coarse).clip(0.15)
    bent = cell.across + _each(rng.normal(0, 0.01, len(traits))) * cell.along**2
    fibres = _filaments(0.006 * bent, 0.003 * cell.along, pd.Series(0.5, traits.index), rng)
    amount = _each(traits.actin_aggregates).clip(0, 1)
    aggregates = amount * 2.5 * (fine - 2.4 + 1.3 * amount).clip(0, 1.5) * _step(-nucleus.depth - 1, 1)
    diffuse = 0.34 * (1 + 0.25 * fine)
    parts = diffuse + 0.8 * _each(traits.actin_cortex) * cortex + _each(traits.actin_fibres) * fibres + aggregates
    return _each(traits.actin_intensity) * _step(cell.depth, 0.8) * parts * (1 - 0.35 * _step(nucleus.depth - 2, 2))


def _filaments(across: np.ndarray, along: np.ndarray, bundling: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """Filaments (n, size, size), 0 to 1, at positions in turns of a bank: lines where streaked noise passes through 0."""
    start = rng.integers(0, BANK, (2, len(across), 1, 1))
    rows = ((across * BANK).astype(np.int32) + start[0]) % BANK
    columns = ((along * BANK).astype(np.int32) + start[1]) % BANK
    where = rows * BANK + columns
    thin, thick = (_bank(width).ravel()[where] for width in (6.0, 16.0))
    share = _each(bundling).clip(0, 1)
    return (1 - share) * thin + share * thick


@cache
def _bank(width: float) -> np.ndarray:
    """A periodic bank of filaments (BANK, BANK) float32, ``width`` texels wide.

    It is the same for all plates: each cell takes its own place in it.
    """
    noise = np.random.default_rng(0).standard_normal((BANK, BANK), dtype=np.float32)
    streaks = gaussian_filter(noise, (width, 4 * width), mode="wrap")
    presence = gaussian_filter(noise, 3 * width, mode="wrap")
    lines = np.exp(-((streaks / (0.4 * streaks.std())) ** 2))
    return np.asarray(lines * _step(presence / presence.std() + 0.8, 0.7), dtype=np.float32)


def _noise(shape: tuple[int, int, int], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit variance, float32."""
    smooth = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), (0, sigma, sigma), mode="wrap")
    return np.asarray(smooth * np.float32(2 * np.sqrt(np.pi) * sigma))


def _step(value: np.ndarray, width: float) -> np.ndarray:
    """A ramp from 0 to 1 about 0, ``width`` px (or units) wide."""
    return (value / np.float32(width) + np.float32(0.5)).clip(0, 1)


def _each(values: pd.Series | np.ndarray) -> np.ndarray:
    """One number a cell, ready to multiply images: (n, 1, 1) float32."""
    return np.asarray(values, dtype=np.float32)[:, None, None]
