"""Numbers of directions with their 95% percentile intervals: cells or starts drawn again, a missing value left out."""

from __future__ import annotations

import numpy as np

from cytobench.results.measures import Measure

SAMPLES, QUANTILES = 1000, (0.025, 0.975)
"""Bootstrap samples of every interval, and its ends."""


def explained(values: np.ndarray, predicted: np.ndarray, seed: int) -> Measure:
    """R² of predictions (n,) of noise left out, with its percentile interval over cells."""
    weights = np.random.default_rng([seed, 1]).multinomial(len(values), np.full(len(values), 1 / len(values)), size=SAMPLES)
    means = weights @ values / len(values)
    totals = weights @ values**2 - len(values) * means**2
    samples = 1 - weights @ (values - predicted) ** 2 / np.where(totals > 0, totals, np.nan)
    value = 1 - ((values - predicted) ** 2).sum() / ((values - values.mean()) ** 2).sum()
    low, high = _percentiles(samples)
    return Measure(value=float(value), low=float(low), high=float(high), n=len(values))


def mean_curve(values: np.ndarray, seed: int) -> tuple[Measure, ...]:
    """The mean of values (starts, steps) at each step, with its percentile interval over starts."""
    low, high = _percentiles(_means(values, seed))
    counts = np.isfinite(values).sum(axis=0)
    means = np.nansum(values, axis=0) / np.where(counts, counts, np.nan)
    return tuple(_measure(*one) for one in zip(means, low, high, counts, strict=True))


def mean_slope(values: np.ndarray, at: np.ndarray, seed: int) -> Measure:
    """The least-squares slope of values (starts, steps) over the steps, averaged over the starts that have one."""
    known = np.isfinite(values)
    counts = known.sum(axis=1, keepdims=True)
    away = np.where(known, at - (known @ at)[:, None] / np.maximum(counts, 1), 0)
    squares = (away**2).sum(axis=1)
    slopes = np.divide((away * np.nan_to_num(values)).sum(axis=1), squares, out=np.full(len(values), np.nan), where=squares > 0)
    slopes = slopes[np.isfinite(slopes)]
    if not len(slopes):
        return _measure(np.nan, np.nan, np.nan, 0)
    low, high = _percentiles(_means(slopes[:, None], seed))
    return _measure(slopes.mean(), low[0], high[0], len(slopes))


def _means(values: np.ndarray, seed: int) -> np.ndarray:
    """(S, steps) means over starts drawn again, of values (starts, steps)."""
    weights = np.random.default_rng([seed, 3]).multinomial(len(values), np.full(len(values), 1 / len(values)), size=SAMPLES)
    counts = weights @ np.isfinite(values)
    return weights @ np.nan_to_num(values) / np.where(counts, counts, np.nan)


def _measure(value: float, low: float, high: float, n: int) -> Measure:
    if not np.isfinite([value, low, high]).all():
        return Measure(value=None, n=int(n), reason="no nucleus is found in these cells, or all of them are alike")
    return Measure(value=float(value), low=float(low), high=float(high), n=int(n))


def _percentiles(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the interval of bootstrap values (S, ...)."""
    known = np.isfinite(samples).all(axis=0)
    low, high = np.where(known, np.quantile(np.nan_to_num(samples), QUANTILES, axis=0), np.nan)
    return low, high
