"""How far embeddings move when channels are changed, without any label."""

from __future__ import annotations

import numpy as np


class FeatureScale:
    """Bring features to mean 0 and standard deviation 1 over the intact cells, so that the unit of a feature does not matter.

    Args:
        intact: (n, D), NaN where a cell has no value.
        constant: a feature that varies by at most this part of its mean absolute value is left out.
    """

    def __init__(self, intact: np.ndarray, constant: float):
        known = ~np.isnan(intact)
        count = np.maximum(known.sum(axis=0), 1)
        values = np.where(known, intact, 0).astype(np.float64)
        self._mean = values.sum(axis=0) / count
        self._deviation = np.sqrt((np.where(known, values - self._mean, 0) ** 2).sum(axis=0) / count)
        self.kept = self._deviation > constant * np.abs(values).sum(axis=0) / count

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return (m, D') float64; a missing value is the mean, 0."""
        scaled = (values[:, self.kept] - self._mean[self.kept]) / self._deviation[self.kept]
        return np.nan_to_num(scaled, nan=0.0)


def cosine_distances(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Cosine distance of each row of (n, D) to the same row of another: (n,), exactly 0 where they are equal."""
    distances: np.ndarray = ((_unit(vectors) - _unit(others)) ** 2).sum(axis=1) / 2
    return distances


def mean_cosine_distance(vectors: np.ndarray) -> float:
    """Mean cosine distance over all pairs of different rows of (n, D); exact, without drawing pairs."""
    unit, n = _unit(vectors), len(vectors)
    return float((n * (unit**2).sum() - (unit.sum(axis=0) ** 2).sum()) / (n * (n - 1))) if n > 1 else float("nan")


def beyond_addition(moved: list[np.ndarray], together: np.ndarray) -> np.ndarray:
    """What exchanging all channels at once does beyond the sum of what exchanging each does.

    Args:
        moved: of each of C channels, (n, D): the vector with that channel exchanged less the intact one.
        together: (n, D): the same with all channels exchanged, each for the same partner's.

    Returns:
        (n,) squared lengths of the rest, in units in which a vector drawn anew for every picture has the mean squared length of
        ``together``: 0 for every representation that is a sum, or a list, of functions of one channel each.
    """
    drawn_anew = (
        1 + (len(moved) - 1) ** 2 + len(moved)
    ) / 2  # variances: of the partner, of C - 1 times the intact, of C changed
    rest: np.ndarray = ((together - sum(moved)) ** 2).sum(axis=1) / drawn_anew
    return rest


def _unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: np.ndarray = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit
