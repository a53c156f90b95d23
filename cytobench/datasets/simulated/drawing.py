"""Draw cells from their traits: a nucleus, microtubules around it, actin at the border."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from cytobench.datasets.simulated.outlines import Outline, Pixels, lobes, pixels_within, shapes
from cytobench.datasets.simulated.textures import filaments, grain
from cytobench.datasets.simulated.traits import STATES


class Drawing(NamedTuple):
    """Cells drawn alone, before any optics; every array ends with (pixels,)."""

    pixels: Pixels
    intensities: np.ndarray
    """(3, pixels) float32 of DNA, tubulin and actin, about 1 in a control cell."""
    kind: np.ndarray
    """uint8: 0 just outside the cell, 1 cytoplasm, 2 nucleus."""


def draw(cells: pd.DataFrame, rng: np.random.Generator) -> Drawing:
    """Draw each cell alone.

    Args:
        cells: one row a cell with every trait and ``state``.
        rng: where chance comes from.
    """
    traits = cells.to_records(index=False)
    pixels, nucleus, cell = _outlines(traits, rng)
    fine, coarse = (grain(pixels, width, rng) for width in (1.1, 2.6))
    dna = _dna(traits, pixels, nucleus, fine, coarse)
    tubulin = _tubulin(traits, pixels, nucleus, cell, rng)
    actin = _actin(traits, pixels, nucleus, cell, fine, coarse, rng)
    kind = (cell.depth > 0).astype(np.uint8) + (nucleus.depth > 0)
    return Drawing(pixels, np.stack([dna, tubulin, actin]), kind)


def _outlines(traits: np.recarray, rng: np.random.Generator) -> tuple[Pixels, Outline, Outline]:
    """The nucleus and its cell, a little off it and along nearly the same axis, in the pixels of the cell."""
    angle, radius = rng.uniform(0, 2 * np.pi, len(traits)), traits.nucleus_radius
    nuclei = shapes(traits.nucleus_radius, traits.nucleus_elongation, angle, traits.nucleus_roughness, 0 * angle, rng)
    tilted = angle + rng.normal(0, 0.4, len(traits))
    cells = shapes(
        traits.cell_radius, traits.cell_elongation, tilted, traits.cell_roughness, traits.protrusions, rng, wander=0.12
    )
    around = pixels_within(np.maximum(cells.reach, np.maximum(nuclei.reach, 1.4 * radius) + 2.5) + 1)
    nucleus, cell = nuclei.seen_from(around), cells.seen_from(around)
    several = np.flatnonzero((traits.state == STATES.index("multinucleate"))[around.cell])
    nucleus.depth[several] = lobes(radius, angle, around.where(several), rng)
    np.maximum(cell.depth, nucleus.depth + 2.5, out=cell.depth)
    drawn = np.flatnonzero(cell.depth > -1)
    return around.where(drawn), Outline(*(part[drawn] for part in nucleus)), Outline(*(part[drawn] for part in cell))


def _dna(traits: np.recarray, pixels: Pixels, nucleus: Outline, fine: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Chromatin: a dome with texture, dark nucleoli, and a ring where the spindle has one pole."""
    each = pixels.each
    coarseness = each(traits.dna_coarseness.clip(0, 1))
    texture = 1 + each(traits.dna_contrast) * ((1 - coarseness) * fine + coarseness * coarse)
    dark = 1 - each(traits.nucleoli.clip(0, 1)) * _step(-coarse - 1.1, 0.3) * _step(nucleus.depth - 2.5, 1)
    hollow = each(traits.state == STATES.index("monopolar")) * np.exp(-((nucleus.radius / 0.5) ** 2))
    dome = 0.65 + 0.35 * (nucleus.depth / each(traits.nucleus_radius)).clip(0, 1)
    return each(traits.dna_intensity) * _step(nucleus.depth, 0.8) * dome * texture.clip(0.1) * dark * (1 - 0.8 * hollow)


def _tubulin(traits: np.recarray, pixels: Pixels, nucleus: Outline, cell: Outline, rng: np.random.Generator) -> np.ndarray:
    """Microtubules: a diffuse part, a halo around the nucleus, filaments that radiate and that run along the cell, spindles."""
    each, bundling = pixels.each, traits.tubulin_bundling.clip(0, 1)
    radial = filaments(pixels, nucleus.turn + 0.02 * nucleus.across, 0.004 * nucleus.distance, bundling, rng)
    bent = cell.across + each(rng.normal(0, 0.012, len(traits))) * cell.along**2
    lengthwise = filaments(pixels, 0.011 * bent, 0.004 * cell.along, bundling, rng)
    halo = np.exp(-np.abs(nucleus.depth + 1.5) / 5)
    inside = _step(cell.depth, 1) * (0.35 + 0.65 * (cell.depth / 8).clip(0, 1))
    spindle = _spindle(traits, pixels, nucleus, radial)
    threads = np.maximum(radial, lengthwise * (spindle == 0)) * each(1 + 0.5 * bundling)
    parts = 0.3 + each(traits.tubulin_perinuclear) * halo + each(traits.tubulin_filaments) * threads
    return each(traits.tubulin_intensity) * inside * (parts * (1 - 0.45 * _step(nucleus.depth - 2, 2)) + spindle)


def _spindle(traits: np.recarray, pixels: Pixels, nucleus: Outline, radial: np.ndarray) -> np.ndarray:
    """The spindle of a dividing cell: across the plate of chromosomes, or a star where it has one pole; 0 in other states."""
    spindle = np.zeros_like(radial)
    share = pixels.each(traits.tubulin_filaments.clip(0, 1))
    for state in ("mitotic", "monopolar"):
        rows = np.flatnonzero((traits.state == STATES.index(state))[pixels.cell])
        here = Outline(*(part[rows] for part in nucleus))
        star = np.exp(-here.distance / 7) * (0.8 + 4 * radial[rows])
        barrel = 1.8 * np.exp(-((here.along / 8) ** 2) - (here.across / 11) ** 2) * (0.6 + radial[rows])
        spindle[rows] = share[rows] * (barrel if state == "mitotic" else star)
    return spindle


def _actin(
    traits: np.recarray,
    pixels: Pixels,
    nucleus: Outline,
    cell: Outline,
    fine: np.ndarray,
    coarse: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Filamentous actin: the cortex at the border, stress fibres along the cell, and aggregates."""
    each = pixels.each
    cortex = np.exp(-(((cell.depth - 1.4) / 1.5) ** 2)) * (1 + 0.45 * coarse).clip(0.15)
    bent = cell.across + each(rng.normal(0, 0.01, len(traits))) * cell.along**2
    fibres = filaments(pixels, 0.006 * bent, 0.003 * cell.along, np.full(len(traits), 0.5), rng)
    amount = each(traits.actin_aggregates.clip(0, 1))
    aggregates = amount * 2.5 * (fine - 2.4 + 1.3 * amount).clip(0, 1.5) * _step(-nucleus.depth - 1, 1)
    diffuse = 0.34 * (1 + 0.25 * fine)
    parts = diffuse + 0.8 * each(traits.actin_cortex) * cortex + each(traits.actin_fibres) * fibres + aggregates
    return each(traits.actin_intensity) * _step(cell.depth, 0.8) * parts * (1 - 0.35 * _step(nucleus.depth - 2, 2))


def _step(value: np.ndarray, width: float) -> np.ndarray:
    """A ramp from 0 to 1 about 0, ``width`` px (or units) wide."""
    return (value / np.float32(width) + np.float32(0.5)).clip(0, 1)
