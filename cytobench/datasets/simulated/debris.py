"""Debris among the cells: bright specks in focus, and dust that is not."""

from __future__ import annotations

import numpy as np

from cytobench.datasets.simulated.parameters import Debris

SPECK_RADII, SPECK_BRIGHTNESS = (0.8, 2.0), (1.0, 4.0)
DUST_RADII, DUST_BRIGHTNESS = (7.0, 16.0), (0.1, 0.5)
"""Ranges of the standard deviation of a particle in px, and of its peak relative to a control cell's stain."""


def strew(intensities: np.ndarray, debris: Debris, rng: np.random.Generator) -> tuple[int, int]:
    """Add debris to one field, in place.

    Args:
        intensities: (3, height, width) float32.
        debris: how much of it.
        rng: where chance comes from.

    Returns:
        How many specks and how many grains of dust.
    """
    megapixels = intensities[0].size / 1e6
    specks, dust = (int(rng.poisson(density * megapixels)) for density in (debris.specks, debris.dust))
    for _ in range(specks):
        _add(intensities, SPECK_RADII, SPECK_BRIGHTNESS, rng)
    for _ in range(dust):
        _add(intensities, DUST_RADII, DUST_BRIGHTNESS, rng)
    return specks, dust


def _add(intensities: np.ndarray, radii: tuple[float, float], brightness: tuple[float, float], rng: np.random.Generator) -> None:
    """Add one elliptic particle, of a colour of its own, anywhere."""
    height, width = intensities.shape[1:]
    x, y, angle = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, np.pi)
    long, short = np.sort(rng.uniform(*radii, 2))[::-1]
    reach = int(np.ceil(3 * long))
    top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
    part = intensities[:, top : int(y) + reach, left : int(x) + reach]
    down, right = (np.arange(side)[:, None] + first for side, first in ((part.shape[1], top - y), (part.shape[2], left - x)))
    along = right.T * np.cos(angle) + down * np.sin(angle)
    across = down * np.cos(angle) - right.T * np.sin(angle)
    colour = rng.uniform(*brightness) * rng.dirichlet(np.ones(3)) * 2
    part += colour[:, None, None] * np.exp(-((along / long) ** 2 + (across / short) ** 2) / 2)
