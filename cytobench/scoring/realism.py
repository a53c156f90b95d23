"""How near generated cells are to real ones, by features of both: Frechet and kernel inception distance.

Whatever made the features (a network, measurements) is the caller's choice; distances under different features do not compare.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from cytobench.errors import CytoBenchError

BLOCK = 1024
"""Rows whose kernel values with all others are held in memory at once."""


def fid(real: np.ndarray, generated: np.ndarray) -> float:
    """Frechet distance of the Gaussians fitted to two sets of features (Heusel et al. 2017, doi:10.48550/arXiv.1706.08500).

    Its last term, the trace of the square root of the product of both covariances, is the sum of the singular values of the
    product of their triangular factors. No covariance is formed and no square root of a matrix taken, so that fewer rows than
    features, where covariances are singular, lose no precision. The estimate is biased upwards in small sets.

    Args:
        real: (n, D) features of real cells.
        generated: (m, D) features of generated ones.

    Returns:
        The squared distance, 0 for equal means and covariances; in squared units of the features.

    Raises:
        CytoBenchError: for fewer than 2 rows, unequal widths or values that are not finite.
    """
    one, other = _checked(real, generated)
    factors = [_covariance_factor(features) for features in (one, other)]
    traces = sum(float(np.square(factor).sum()) for factor in factors)
    shared = linalg.svdvals(factors[0] @ factors[1].T).sum()
    shift = np.square(one.mean(axis=0) - other.mean(axis=0)).sum()
    return max(float(shift + traces - 2 * shared), 0.0)


def kid(real: np.ndarray, generated: np.ndarray, *, block: int = BLOCK) -> float:
    """Kernel inception distance (Binkowski et al. 2018, doi:10.48550/arXiv.1801.01401).

    The unbiased squared maximum mean discrepancy under the kernel (x.y / D + 1)^3, over the whole sets rather than random parts.

    Args:
        real: (n, D) features of real cells.
        generated: (m, D) features of generated ones.
        block: rows whose kernel values are held at once; changes memory, not the result.

    Returns:
        The estimate: 0 on average where both sets have one distribution, so that it may be negative.

    Raises:
        CytoBenchError: as :func:`fid`.
    """
    one, other = _checked(real, generated)
    within = _kernel_sum(one, one, block) - _kernel_diagonal(one).sum()
    within_other = _kernel_sum(other, other, block) - _kernel_diagonal(other).sum()
    between = _kernel_sum(one, other, block)
    n, m = len(one), len(other)
    return float(within / (n * (n - 1)) + within_other / (m * (m - 1)) - 2 * between / (n * m))


def _checked(real: np.ndarray, generated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sets in double precision, or the sentence on what is wrong with them."""
    sets = {"real": np.asarray(real, np.float64), "generated": np.asarray(generated, np.float64)}
    for name, features in sets.items():
        if features.ndim != 2 or len(features) < 2:
            raise CytoBenchError(f"the {name} features have shape {features.shape}; give (cells, features) with 2 cells or more")
        bad = np.argwhere(~np.isfinite(features))
        if len(bad):
            row, column = bad[0]
            raise CytoBenchError(
                f"the {name} features are not finite: row {row}, column {column} ({features[row, column]}); leave such a cell out"
            )
    one, other = sets.values()
    if one.shape[1] != other.shape[1]:
        raise CytoBenchError(
            f"real cells have {one.shape[1]} features and generated ones {other.shape[1]}; embed both with one method"
        )
    return one, other


def _covariance_factor(features: np.ndarray) -> np.ndarray:
    """A matrix R, (min(n, D), D), with R'R the covariance of the features."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r"))


def _kernel_sum(one: np.ndarray, other: np.ndarray, block: int) -> float:
    width = one.shape[1]
    parts = (one[start : start + block] @ other.T for start in range(0, len(one), block))
    return float(sum(((products / width + 1) ** 3).sum() for products in parts))


def _kernel_diagonal(features: np.ndarray) -> np.ndarray:
    return (np.square(features).sum(axis=1) / features.shape[1] + 1) ** 3
