"""Merge the pieces that a watershed cut too small: two are one nucleus where their union is an evenly bright ellipse."""

from __future__ import annotations

from functools import partial

import numpy as np

STEP = 0.1
"""Weight of a difference in brightness between two pieces, against their shape."""


def merge_pieces(labels: np.ndarray, root: np.ndarray, merging: float) -> np.ndarray:
    """Merge neighbours, the best pairs first, while their union is nearly an ellipse without a valley inside."""
    sums = _sums(labels, root)
    pairs, length, total = _borders(labels, root)
    whole = np.arange(len(sums))
    while len(pairs):
        cost = _cost(sums[pairs[:, 0]], sums[pairs[:, 1]], total / length)
        rank = np.argsort(np.argsort(cost, kind="stable"))
        best = np.full(len(sums), len(pairs))
        np.minimum.at(best, pairs, rank[:, None])
        chosen = pairs[(cost < merging) & (rank == best[pairs[:, 0]]) & (rank == best[pairs[:, 1]])]
        if not len(chosen):
            break
        sums[chosen[:, 0]] += sums[chosen[:, 1]]
        step = np.arange(len(sums))
        step[chosen[:, 1]] = chosen[:, 0]
        whole = step[whole]
        pairs, length, total = _unique_pairs(step[pairs], length, total)
    return whole[labels]


def _cost(one: np.ndarray, other: np.ndarray, border: np.ndarray) -> np.ndarray:
    """How far the union of two pieces is from an ellipse, plus the depth of the valley and the step between them."""
    bright = np.maximum([one[:, 6] / one[:, 0], other[:, 6] / other[:, 0]], np.finfo(float).tiny)
    valley = np.maximum(1 - border / bright.min(axis=0), 0)
    step = 1 - bright.min(axis=0) / bright.max(axis=0)
    return 1 - _ellipse_fit(one + other) + valley + STEP * step


def _ellipse_fit(sums: np.ndarray) -> np.ndarray:
    """Area of each region over the area of the ellipse with its second moments: 1 for an ellipse, less for any other shape."""
    area = sums[:, 0]
    y, x, yy, xx, xy = (sums[:, 1:6] / area[:, None]).T
    determinant = (yy - y * y + 1 / 12) * (xx - x * x + 1 / 12) - (xy - x * y) ** 2  # 1/12: a pixel is a square, not a point
    return area / (4 * np.pi * np.sqrt(np.maximum(determinant, 1e-9)))


def _sums(labels: np.ndarray, root: np.ndarray) -> np.ndarray:
    """(n + 1, 7) sums over the pixels of each label: 1, y, x, y^2, x^2, x y and brightness; they add up in a union."""
    y, x = np.nonzero(labels)
    inside, weights = labels[y, x], (None, y, x, y * y, x * x, x * y, root[y, x])
    return np.stack([np.bincount(inside, weight, labels.max() + 1).astype(float) for weight in weights], axis=1)


def _borders(labels: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of labels that touch, the number of pixel pairs along each border and the sum of brightness on it."""
    pairs, bright = [], []
    for axis in (0, 1):
        first, second = np.moveaxis(labels, axis, 0)[:-1], np.moveaxis(labels, axis, 0)[1:]
        touch = (first != second) & (first > 0) & (second > 0)
        pairs.append(np.stack([first[touch], second[touch]], axis=1))
        bright.append((np.moveaxis(root, axis, 0)[:-1][touch] + np.moveaxis(root, axis, 0)[1:][touch]) / 2)
    total = np.concatenate(bright)
    return _unique_pairs(np.concatenate(pairs), np.ones(len(total)), total)


def _unique_pairs(pairs: np.ndarray, length: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort each pair, drop those of a label with itself, and add up the borders of those that are the same."""
    apart = pairs[:, 0] != pairs[:, 1]
    unique, inverse = np.unique(np.sort(pairs[apart], axis=1), axis=0, return_inverse=True)
    add = partial(np.bincount, inverse.ravel(), minlength=len(unique))
    return unique, add(length[apart]), add(total[apart])
