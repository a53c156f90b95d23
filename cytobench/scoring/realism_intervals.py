"""How far measures of realism would move with other cells: resampled kernels, groups left out, shares."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from cytobench.errors import CytoBenchError
from cytobench.scoring.realism import fid
from cytobench.scoring.resampling import bootstrap_weights, percentiles

Bounds = tuple[float, float]
"""The ends of an interval."""

Estimate = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Several measures (q,) of the real and the generated cells with these indices."""


def kid_bounds(real: np.ndarray, generated: np.ndarray, *, samples: int, level: float, seed: int) -> Bounds:
    """Return the percentile interval of :func:`~cytobench.scoring.realism.kid` over bootstrap samples of both sets.

    Args:
        real: (n, D) features of real cells.
        generated: (m, D) features of generated ones.
        samples: of the bootstrap.
        level: coverage.
        seed: of the resampling.
    """
    return percentiles(kid_samples(real, generated, samples=samples, seed=seed), level)


def kid_samples(real: np.ndarray, generated: np.ndarray, *, samples: int, seed: int) -> np.ndarray:
    """Return the kernel inception distance of bootstrap samples of both sets, (samples,).

    A sample is a weight of each cell, how often it was drawn. A cell drawn twice is no pair: the sum within a set leaves the
    diagonal of its kernel matrix out, and is divided by the weights of the pairs that remain. All pairs are then weighed alike on
    average, so that repeated cells add no bias: the samples' expectation is the estimate. Where both sets have one
    distribution, the statistic is degenerate and the interval too wide rather than too narrow (Arcones and Gine 1992,
    doi:10.1214/aos/1176348650).
    """
    sets = (real, generated)  # drawn apart: of equal size, they would weigh alike under one seed
    weights = [bootstrap_weights(len(features), samples, 2 * seed + number) for number, features in enumerate(sets)]
    inside = [_within(features, weight) for features, weight in zip(sets, weights, strict=True)]
    across = np.einsum("sn,sn->s", weights[0] @ _kernel(real, generated), weights[1]) / (len(real) * len(generated))
    return np.asarray(inside[0] + inside[1] - 2 * across)


def jackknife_errors(estimate: Estimate, n: int, m: int, groups: int) -> np.ndarray:
    """Return the standard error (q,) of measures, by leaving out one group of both sets after the other.

    The delete-a-group jackknife (Kott 2001, Journal of Official Statistics 17:521); cells are in random order, and the i-th of
    either set belongs to group i modulo ``groups``. The error is too large rather than too small (Efron and Stein 1981,
    doi:10.1214/aos/1176345462): of simulated sets it is 1.1 to 1.8 times the true one for measures by nearest neighbours, and for
    FID right where cells are many times as many as features, and up to 1.4 times too large where they are hardly more.
    Unequal groups, with which an error is 1.7 to 1.9 times too large, are refused.

    Args:
        estimate: measures of the cells with given indices.
        n: number of real cells.
        m: number of generated ones.
        groups: left out in turn.
    """
    if min(n, m) < 2 * groups:
        raise CytoBenchError(f"{min(n, m)} cells are too few for a jackknife of {groups} groups; compare {2 * groups} or more")
    if n % groups or m % groups:
        raise CytoBenchError(f"sets of {n} and {m} cells make no {groups} groups of one size; compare multiples of {groups}")
    real, generated = np.arange(n), np.arange(m)
    left = [estimate(real[real % groups != group], generated[generated % groups != group]) for group in range(groups)]
    return np.asarray(np.sqrt((groups - 1) * np.var(left, axis=0)))


def normal_bounds(value: float, error: float, level: float, lowest: float = -np.inf, highest: float = np.inf) -> Bounds:
    """Return the normal interval of a value with a standard error, within the range of its measure."""
    reach = float(stats.norm.ppf((1 + level) / 2)) * error
    return max(value - reach, lowest), min(value + reach, highest)


def share_bounds(chosen: np.ndarray, level: float) -> Bounds:
    """Return the interval of the share of True among independent cells (n,)."""
    return _wilson(int(chosen.sum()), len(chosen), level)


def share_hull(value: float, error: float, n: int, level: float) -> Bounds:
    """Return the normal interval of a share of ``n`` cells, no narrower at either end than Wilson's.

    Where no cell, or every cell, is in the share, none that is left out changes it, and its error of 0 would claim certainty.
    """
    normal = normal_bounds(value, error, level, 0, 1)
    independent = _wilson(round(value * n), n, level)
    return min(normal[0], independent[0]), max(normal[1], independent[1])


def fid_estimate(real: np.ndarray, generated: np.ndarray) -> Estimate:
    """Return what computes :func:`~cytobench.scoring.realism.fid` of some of the cells, ``(1,)``, for a jackknife.

    The singular values that it needs are those of the product of both centred sets, (n, m): with fewer cells than features, or
    not many more, all leave-outs share that one product, and each needs only the eigenvalues of its square. Small singular
    values lose digits by that, which an interval does not show.
    """
    if real.shape[1] * 2 < min(len(real), len(generated)):
        return lambda first, second: np.array([fid(real[first], generated[second])])
    product = real @ generated.T

    def estimate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        one, other = real[first], generated[second]
        spread = one.var(axis=0, ddof=1).sum() + other.var(axis=0, ddof=1).sum()
        shift = np.square(one.mean(axis=0) - other.mean(axis=0)).sum()
        return np.array([shift + spread - 2 * _nuclear_norm(product[first][:, second])])

    return estimate


def _nuclear_norm(product: np.ndarray) -> float:
    """The sum of the singular values of a product of two sets after each is centred, scaled as their covariances are."""
    centred = product - product.mean(axis=0) - product.mean(axis=1, keepdims=True) + product.mean()
    n, m = centred.shape
    square = centred @ centred.T if n <= m else centred.T @ centred
    return float(np.sqrt(np.linalg.eigvalsh(square).clip(0)).sum() / np.sqrt((n - 1) * (m - 1)))


def _wilson(chosen: int, n: int, level: float) -> Bounds:
    """Wilson 1927, doi:10.2307/2276774."""
    found = stats.binomtest(chosen, n).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


def _within(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    kernel = _kernel(features, features)
    np.fill_diagonal(kernel, 0)
    pairs = np.square(weights.sum(axis=1)) - np.square(weights).sum(axis=1)
    return np.asarray(np.einsum("sn,sn->s", weights @ kernel, weights) / pairs)


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The kernel of :func:`~cytobench.scoring.realism.kid`."""
    return np.asarray((one @ other.T / one.shape[1] + 1) ** 3)
