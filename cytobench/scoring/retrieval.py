"""Mean average precision of retrieval (Kalinin et al. 2025, copairs), vectorised and exact under ties."""

from __future__ import annotations

import numpy as np


def average_precision(similarity: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Average precision of each query when its positives and negatives are ranked by similarity.

    Equal similarities have no order, so the expectation over all their orders is returned (McSherry and Najork 2008).

    Args:
        similarity: (n, n), query by row.
        positives: (n, n) bool, what each query should find; pairs neither positive nor negative are ignored.
        negatives: (n, n) bool, what it should not.

    Returns:
        (n,) average precision in [0, 1]; NaN for a query without positives or without negatives.
    """
    ranked, relevant = _ranked_pairs(similarity, positives, negatives)
    start, size, hits, before = _tied_groups(ranked, relevant)

    # At position i (from 0) of a group of m items with k positives, t items and r positives before it: the item is a
    # positive with probability k/m, and then r + 1 + i (k-1)/(m-1) positives are expected among the first t + i + 1.
    position = np.arange(ranked.shape[1])[None, :]
    inside = position - start
    expected_hits = before + 1 + inside * (hits - 1) / np.maximum(size - 1, 1)
    precision = hits / size * expected_hits / (position + 1)
    precision[np.isneginf(ranked)] = 0.0
    total = relevant.sum(axis=1)
    counted = (total > 0) & negatives.any(axis=1)
    return np.divide(precision.sum(axis=1), total, out=np.full(len(total), np.nan), where=counted)


def _ranked_pairs(similarity: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The similarities of each query's pairs, falling, and 1 where a pair is positive; rows are filled up with -inf and 0.

    A row is as long as the most pairs of a query, which may be far fewer than n: those of its own batch only.
    """
    counted = positives | negatives
    pairs = counted.sum(axis=1, keepdims=True)
    filled = np.arange(max(pairs.max(initial=0), 1)) < pairs
    ranked, relevant = np.full(filled.shape, -np.inf), np.zeros(filled.shape)
    ranked[filled], relevant[filled] = similarity[counted], positives[counted]  # both row by row
    order = np.argsort(-ranked, axis=1)  # the order within a tie does not matter
    return np.take_along_axis(ranked, order, axis=1), np.take_along_axis(relevant, order, axis=1)


def _tied_groups(ranked: np.ndarray, relevant: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each position of sorted rows: its tied group's start, its size, its positives and the positives before it."""
    rows, columns = ranked.shape
    new = np.ones((rows, columns), bool)
    new[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    group = np.cumsum(new.ravel()) - 1
    starts = np.flatnonzero(new.ravel())
    size = np.diff(np.append(starts, rows * columns))
    hits = np.add.reduceat(relevant.ravel(), starts)
    before = (np.cumsum(relevant, axis=1) - relevant).ravel()[starts]
    shape = (rows, columns)
    return (
        (starts % columns)[group].reshape(shape),
        size[group].reshape(shape),
        hits[group].reshape(shape),
        before[group].reshape(shape),
    )
