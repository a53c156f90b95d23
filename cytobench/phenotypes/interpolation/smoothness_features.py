"""The features that paths are measured in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from scipy.spatial.distance import cdist

MOST_MISSING = 0.05
"""A measurement that is NaN in more of the cells is left out; where fewer lack it, they get the mean."""


class Space(Protocol):
    """A feature space: see ``features.FeatureSpace``."""

    @property
    def name(self) -> str:
        """As declared in results."""

    @property
    def learned(self) -> bool:
        """Whether features are a network's, compared as they are; others are divided by their standard deviation in cells."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return (n, D) float64."""


def scaling_of(cells: np.ndarray, *, learned: bool) -> Callable[[np.ndarray], np.ndarray]:
    """Measurements have units of their own, so divide them by their standard deviation; leave out constant and missing ones."""
    if learned:
        return lambda features: features
    present = np.isfinite(cells)
    kept = present.mean(axis=0) >= 1 - MOST_MISSING
    known = np.where(present, cells, np.nan)[:, kept]
    mean, spread = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
    varies = spread > 0

    def scaled(features: np.ndarray) -> np.ndarray:
        values = np.where(np.isfinite(features), features, np.nan)[:, kept][:, varies]
        return np.nan_to_num((values - mean[varies]) / spread[varies])

    return scaled


def neighbour_distance(cells: np.ndarray) -> float:
    """Return the median distance of cells (n, D) from their nearest among each other."""
    distances = cdist(cells, cells)
    np.fill_diagonal(distances, np.inf)
    return float(np.median(distances.min(axis=1)))
