"""Which treatments a vector is nearest to, and how often the right one is among the first.

Where treatments tie, what is given is the expectation over their orders, so that a model that cannot tell gets chance, not luck.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import comb
from typing import Literal

import numpy as np

from cytobench.scoring.moa import DECIMALS, cosine_similarity
from cytobench.scoring.nearness import squared_distances

Distance = Literal["cosine", "euclidean"]


@dataclass(frozen=True)
class Ranks:
    """Where the first right treatment stands, for each of n vectors."""

    top1: np.ndarray
    """(n,) probability that it is the nearest."""
    top3: np.ndarray
    """(n,) that it is among the three nearest."""
    reciprocal: np.ndarray
    """(n,) mean of 1 / its place."""


def distances(vectors: np.ndarray, gallery: np.ndarray, kind: Distance = "cosine") -> np.ndarray:
    """Distances of vectors (n, D) from a gallery (T, D): (n, T), rounded; to a zero vector the cosine distance is 1."""
    if kind == "euclidean":
        return np.round(np.sqrt(squared_distances(vectors, gallery)), DECIMALS)
    size = max(1, len(gallery))
    parts = [vectors[start : start + size] for start in range(0, len(vectors), size)]
    near = [cosine_similarity(np.concatenate([part, gallery]))[: len(part), len(part) :] for part in parts]
    return 1 - np.concatenate([np.empty((0, len(gallery))), *near])


def ranks(far: np.ndarray, allowed: np.ndarray, right: np.ndarray) -> Ranks:
    """Rank the gallery of each vector.

    Args:
        far: (n, T) distances.
        allowed: (n, T) bool: which treatments each vector may find.
        right: (n, T) bool: which of them are right; where none is allowed, all that is asked is 0.
    """
    right = right & allowed
    best = np.where(right, far, np.inf).min(axis=1, keepdims=True)
    nearer = ((far < best) & allowed).sum(axis=1)
    tied = ((far == best) & allowed).sum(axis=1)
    members = ((far == best) & right).sum(axis=1)
    cases, owner = np.unique(np.stack([nearer, members, tied], axis=1), axis=0, return_inverse=True)
    expected = np.array([_expected(*map(int, case)) for case in cases]).reshape(-1, 3)[owner.ravel()]
    return Ranks(*expected.T)


def chance(allowed: np.ndarray, right: np.ndarray) -> Ranks:
    """What :func:`ranks` gives where every order of the gallery is equally likely."""
    return ranks(np.zeros(allowed.shape), allowed, right)


@cache
def _expected(nearer: int, members: int, tied: int) -> tuple[float, float, float]:
    """Of the first of ``members`` right ones among ``tied`` in random order, after ``nearer`` others."""
    if members == 0:
        return 0.0, 0.0, 0.0
    first = [comb(tied - place - 1, members - 1) / comb(tied, members) for place in range(tied - members + 1)]
    places = [nearer + place + 1 for place in range(len(first))]
    within = [sum(share for share, place in zip(first, places, strict=True) if place <= k) for k in (1, 3)]
    return within[0], within[1], sum(share / place for share, place in zip(first, places, strict=True))
