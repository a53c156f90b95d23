"""Resampling that several measures share: weights, percentile intervals, and intervals of shares."""

from __future__ import annotations

import numpy as np

LEVEL = 0.95
"""Coverage of every interval, where a protocol says nothing else."""


def bootstrap_weights(n: int, samples: int, seed: int) -> np.ndarray:
    """How often each of ``n`` items is drawn in each bootstrap sample: (samples, n) float64, each row of sum n."""
    if not n:
        return np.zeros((samples, 0))
    drawn: np.ndarray = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=samples).astype(float)
    return drawn


def percentiles(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval of bootstrap values (samples,)."""
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def mean_interval(values: np.ndarray, samples: int, seed: int, level: float = LEVEL) -> tuple[float, float] | None:
    """The bootstrap interval of the mean of ``values`` (n,); None for fewer than 2, of which it would have no width."""
    if len(values) < 2:
        return None
    return percentiles(bootstrap_weights(len(values), samples, seed) @ values / len(values), level)


class PigeonholeBootstrap:
    """Intervals where several things take part in each item: an item weighs the product of how often its parts are drawn.

    This is the pigeonhole bootstrap of Owen (2007, doi:10.1214/07-AOAS122), which rather overstates the variance.

    Args:
        roles: who takes part in each item, (n,) names, one array a role; one name in two roles is one thing.
        samples: bootstrap samples.
        seed: of the resampling.
    """

    def __init__(self, roles: tuple[np.ndarray, ...], *, samples: int, seed: int):
        names, numbers = np.unique(np.stack(roles).astype(str), return_inverse=True)
        self.parts = len(names)
        """Different things that take part."""
        drawn = bootstrap_weights(len(names), samples, seed)
        self._weights: np.ndarray = np.prod([drawn[:, role] for role in numbers.reshape(len(roles), -1)], axis=0)

    def interval(self, values: np.ndarray, level: float = LEVEL) -> tuple[float, float] | None:
        """The percentile interval of the mean of ``values`` (n,); None where fewer than 2 things take part."""
        if self.parts < 2 or not len(values):
            return None
        totals = self._weights.sum(axis=1)
        drawn = totals > 0
        return percentiles(self._weights[drawn] @ values / totals[drawn], level)
