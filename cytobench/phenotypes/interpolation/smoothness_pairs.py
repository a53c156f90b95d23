"""Means over paths, with intervals that know what the paths share."""

from __future__ import annotations

import numpy as np

from cytobench.results.measures import Measure
from cytobench.scoring.resampling import PigeonholeBootstrap

RESAMPLES = 2000
"""Bootstrap resamples."""


class Pairs:
    """The pairs that paths run between.

    Paths through noise have ends of their own and are resampled one by one; latent paths may share a cell, so the cells at their
    two ends are resampled.

    Args:
        n: paths.
        cells: (n, 2) rows of the cells at the ends of latent paths; None of noise.
    """

    def __init__(self, n: int, cells: np.ndarray | None):
        self.n, self._reason = n, "" if n > 1 else "one pair has no interval; compare more"
        if cells is not None and n > 1 and min(len(np.unique(side)) for side in cells.T) < 2:
            self._reason = "all paths begin or end at one cell, so nothing says how those of another cell would differ"
        roles = (np.arange(n),) if cells is None else (cells[:, 0], cells[:, 1])
        self._bootstrap = PigeonholeBootstrap(roles, samples=RESAMPLES, seed=0)

    def mean(self, values: np.ndarray) -> Measure:
        """Return the mean of a value of each pair (n,) with its 95% interval, by a fixed seed."""
        return Measure.of(float(values.mean()), self._interval(values), self.n, self._reason)

    def geometric_mean(self, ratios: np.ndarray) -> Measure:
        """Return the geometric mean of a ratio of each pair (n,) with its 95% interval."""
        logs = np.log(ratios)
        interval = self._interval(logs)
        ends = None if interval is None else (float(np.exp(interval[0])), float(np.exp(interval[1])))
        return Measure.of(float(np.exp(logs.mean())), ends, self.n, self._reason)

    def _interval(self, values: np.ndarray) -> tuple[float, float] | None:
        return None if self._reason else self._bootstrap.interval(values)
