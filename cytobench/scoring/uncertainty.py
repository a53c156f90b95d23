"""Intervals and paired tests by compound: predictions and gallery fixed, compounds resampled.

Treatments of one compound are not independent, so compounds are what is resampled. The gallery stays as it is:
resampling it would put copies of a treatment among its own neighbours and bias a nearest-neighbour score upwards.
What these intervals leave out is said where they are shown: the spread over training seeds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A mean with its interval."""

    value: float
    low: float
    high: float
    n: int
    """Items averaged."""


class CompoundBootstrap:
    """Resamples of the compounds behind a set of scored items.

    Args:
        compounds: (n,) the compound of each scored item (treatment or well).
        samples: bootstrap samples.
        level: coverage of the interval.
        seed: of the resampling.
        by_compound: average within each compound first, then over compounds (CytoGAN's way), instead of over items.
    """

    def __init__(self, compounds: np.ndarray, *, samples: int, level: float, seed: int, by_compound: bool = False):
        self.names, self._owner = np.unique(compounds, return_inverse=True)
        self._tail = (1 - level) / 2
        self._counts = np.bincount(self._owner).astype(float)
        self._by_compound = by_compound
        generator = np.random.default_rng(seed)
        share = np.full(len(self.names), 1 / len(self.names))
        self._weights = generator.multinomial(len(self.names), share, size=samples).astype(float)

    def estimate(self, values: np.ndarray) -> Interval:
        """Return the mean of ``values`` (n,) with its percentile interval."""
        sums, counts = self._per_compound(values)
        resampled = (self._weights @ sums) / (self._weights @ counts)
        low, high = np.quantile(resampled, [self._tail, 1 - self._tail])
        return Interval(float(sums.sum() / counts.sum()), float(low), float(high), int(counts.sum()))

    def p_value(self, values: np.ndarray, others: np.ndarray, *, permutations: int, seed: int) -> float:
        """Return the two-sided p-value of exchanging two methods' outcomes over the same items, compound by compound."""
        sums, _ = self._per_compound(values - others)
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(permutations, len(sums)))
        extreme = np.abs(signs @ sums) >= abs(sums.sum()) - 1e-12
        return (1 + int(extreme.sum())) / (1 + permutations)

    def _per_compound(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sums = np.bincount(self._owner, weights=values)
        return (sums / self._counts, np.ones_like(sums)) if self._by_compound else (sums, self._counts)
