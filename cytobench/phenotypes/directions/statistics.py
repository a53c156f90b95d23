"""Numbers of directions with their 95% percentile intervals: cells or starts drawn again, a missing value left out."""

from __future__ import annotations

import numpy as np

from cytobench.results.measures import Measure
from cytobench.scoring.resampling import bootstrap_weights, mean_interval, percentiles

SAMPLES = 1000
"""Bootstrap samples of every interval."""

NOTHING = "no nucleus is found in these cells, or all of them are alike"
ONE_START = "one start has no spread to make an interval of"


def explained(values: np.ndarray, predicted: np.ndarray, seed: int) -> Measure:
    """R² of predictions (n,) of noise left out, with its percentile interval over cells; samples of equal values have none."""
    weights = bootstrap_weights(len(values), SAMPLES, seed)
    totals = weights @ values**2 - (weights @ values) ** 2 / len(values)
    lost, varied = weights @ (values - predicted) ** 2, totals > 0
    value = 1 - ((values - predicted) ** 2).sum() / ((values - values.mean()) ** 2).sum()
    return Measure.of(float(value), percentiles(1 - lost[varied] / totals[varied]), len(values))


def mean_curve(values: np.ndarray, seed: int) -> tuple[Measure, ...]:
    """The mean of values (starts, steps) at each step, with its percentile interval over the starts that have a value there."""
    return tuple(_mean(step, seed) for step in values.T)


def mean_slope(values: np.ndarray, at: np.ndarray, seed: int) -> Measure:
    """The least-squares slope of values (starts, steps) over the steps, averaged over the starts that have one."""
    known = np.isfinite(values)
    counts = known.sum(axis=1, keepdims=True)
    away = np.where(known, at - (known @ at)[:, None] / np.maximum(counts, 1), 0)
    squares = (away**2).sum(axis=1)
    slopes = np.divide((away * np.nan_to_num(values)).sum(axis=1), squares, out=np.full(len(values), np.nan), where=squares > 0)
    return _mean(slopes, seed)


def _mean(values: np.ndarray, seed: int) -> Measure:
    known = values[np.isfinite(values)]
    if not len(known):
        return Measure(value=None, reason=NOTHING)
    return Measure.of(float(known.mean()), mean_interval(known, SAMPLES, seed), len(known), ONE_START)
