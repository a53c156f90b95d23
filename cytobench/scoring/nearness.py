"""Which of the generated cells lie among real ones, and which real ones are reached: nearest neighbours of two sets of features.

On feature matrices, without torch, as all of ``scoring``: torch_fidelity offers precision and recall alone, of images that it
embeds itself, and torchmetrics none of these measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cytobench.errors import CytoBenchError

BLOCK = 512
"""Rows whose distances to all others are held in memory at once."""


@dataclass(frozen=True)
class Nearness:
    """Squared Euclidean distances within and between a real and a generated set; to itself a cell's distance is infinite."""

    real: np.ndarray
    """(n, n)."""
    generated: np.ndarray
    """(m, m)."""
    between: np.ndarray
    """(n, m), real cells in rows."""

    @classmethod
    def of(cls, real: np.ndarray, generated: np.ndarray) -> Nearness:
        """Return the distances of features (n, D) and (m, D)."""
        inside, among = (_without_self(squared_distances(features, features)) for features in (real, generated))
        return cls(inside, among, squared_distances(real, generated))

    def kept(self, real: np.ndarray, generated: np.ndarray) -> Nearness:
        """Return the distances among some of the cells, given as indices or as masks."""
        return Nearness(self.real[real][:, real], self.generated[generated][:, generated], self.between[real][:, generated])

    def precision(self, k: int) -> float:
        """Share of generated cells in the ball of any real one to its k-th neighbour (Kynkaanniemi et al. 2019).

        doi:10.48550/arXiv.1904.06991, equation 2: are generated cells such as there are?
        """
        return float((self.between <= _radii(self.real, k)[:, None]).any(axis=0).mean())

    def recall(self, k: int) -> float:
        """Share of real cells in the ball of any generated one: are there generated cells such as every real one?"""
        return float((self.between <= _radii(self.generated, k)).any(axis=1).mean())

    def density(self, k: int) -> float:
        """Real balls that hold a generated cell, over k, on average (Naeem et al. 2020, doi:10.48550/arXiv.2002.09797).

        1 is expected of equal distributions and more is possible; an outlier among real cells counts once, where in precision
        its wide ball may hold all.
        """
        return float((self.between <= _radii(self.real, k)[:, None]).sum() / (k * self.between.shape[1]))

    def coverage(self, k: int) -> float:
        """Share of real cells whose ball holds a generated cell (Naeem et al. 2020)."""
        return float((self.between.min(axis=1) <= _radii(self.real, k)).mean())

    def authentic(self) -> np.ndarray:
        """Which generated cells are farther from the nearest real one than it is from its nearest other real one, (m,) bool.

        Alaa et al. 2022, doi:10.48550/arXiv.2102.08921, section 4. Their share is the authenticity: of copies none, of cells
        unlike any all; of new real cells how many depends on the features, so that it is read beside theirs.
        """
        nearest = self.between.argmin(axis=0)
        return np.asarray(self.between.min(axis=0) > _radii(self.real, 1)[nearest])


class Nearest(NamedTuple):
    """The nearest training cell of each of n cells."""

    row: np.ndarray
    """(n,) of the training set."""
    distance: np.ndarray
    """(n,) Euclidean."""
    ratio: np.ndarray
    """(n,) over the distance to the second nearest: 1 between both, 0 on the first."""

    def copied(self, limit: float) -> np.ndarray:
        """Which cells are copies, (n,) bool: their ratio is below ``limit``. A blurred cell, near to all alike, is none."""
        return np.asarray(self.ratio < limit)


def nearest_of(cells: np.ndarray, training: np.ndarray, own: np.ndarray | None = None) -> Nearest:
    """Find the nearest training cell of each cell.

    Args:
        cells: (n, D) features or pixels.
        training: (m, D), 2 or more, or 3 where ``own`` is given.
        own: (n,) the index of each cell in ``training``, where it is one of them: its distance to itself does not count.
    """
    if len(training) < 2 + (own is not None):
        raise CytoBenchError(f"{len(training)} training cells have no two nearest; give more")
    parts = []
    for start in range(0, len(cells), BLOCK):
        distances = squared_distances(cells[start : start + BLOCK], training)
        if own is not None:
            distances[np.arange(len(distances)), own[start : start + BLOCK]] = np.inf
        order = np.argpartition(distances, 1, axis=1)[:, :2]
        two = np.take_along_axis(distances, order, axis=1)  # argpartition at 1 leaves the nearest first
        parts.append((order[:, 0], *np.sqrt(two).T))
    index, first, second = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Nearest(index, first, np.where(second > 0, first / np.where(second > 0, second, 1), 1.0))


def squared_distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the squared Euclidean distances (n, m) of rows (n, D) and (m, D), in their own precision.

    Both are centred first, so that the subtraction of large squares loses little.
    """
    centre = other.mean(axis=0)
    first, second = one - centre, other - centre
    found = -2 * (first @ second.T)
    found += np.square(first).sum(axis=1)[:, None]
    found += np.square(second).sum(axis=1)
    return np.maximum(found, 0, out=found)


def leave_out(near: Nearness, measures: Callable[[Nearness], np.ndarray]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return what measures some of the cells of ``near``, by their indices: what a jackknife asks for."""
    return lambda real, generated: measures(near.kept(real, generated))


def _radii(within: np.ndarray, k: int) -> np.ndarray:
    if k >= len(within):
        raise CytoBenchError(f"{len(within)} cells have no {k}-th neighbour; compare more cells")
    return np.asarray(np.partition(within, k - 1, axis=1)[:, k - 1])


def _without_self(distances: np.ndarray) -> np.ndarray:
    np.fill_diagonal(distances, np.inf)
    return distances
