"""Mechanism of action by the nearest neighbour: NSC and NSCB (Ljosa et al. 2013; Ando et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DECIMALS = 9
"""Similarities are rounded to this many decimals, so that rounding errors of the processor do not break ties."""


@dataclass(frozen=True)
class NearestNeighbours:
    """The outcome of one leave-out scheme."""

    queries: np.ndarray
    """(q,) indices of the treatments that were asked."""
    weights: np.ndarray
    """(q, n): 1/k for each of the k nearest treatments of the query, 0 elsewhere."""
    correct: np.ndarray
    """(q,) probability of the right MOA: 0 or 1, or the right part of tied neighbours."""


def cosine_similarity(profiles: np.ndarray) -> np.ndarray:
    """Cosine similarity of the rows of (n, D): (n, n), rounded; a zero profile has similarity 0 to every other."""
    largest = np.abs(profiles).max(axis=1, keepdims=True, initial=0.0)
    profiles = np.divide(profiles, largest, out=np.zeros_like(profiles), where=largest > 0)  # so that no square overflows
    norms = np.linalg.norm(profiles, axis=1, keepdims=True)
    unit = np.divide(profiles, norms, out=np.zeros_like(profiles), where=norms > 0)
    return np.round(unit @ unit.T, DECIMALS)


def not_same_compound(compounds: np.ndarray) -> np.ndarray:
    """NSC: which treatments (columns) each treatment (rows) may find, (n, n) bool."""
    return compounds[:, None] != compounds[None, :]


def not_same_compound_or_batch(compounds: np.ndarray, batches: list[frozenset[str]], moas: np.ndarray) -> np.ndarray:
    """NSCB: the same, other batches only, without the MOAs that then have no treatment of another compound and batch.

    Args:
        compounds: (n,) compound names.
        batches: n sets of the batches in which each treatment has wells.
        moas: (n,) mechanisms of action.

    Returns:
        (n, n) bool; rows and columns of excluded MOAs are False.
    """
    apart = np.array([[not (a & b) for b in batches] for a in batches])
    allowed = not_same_compound(compounds) & apart
    reachable = np.unique(moas[(allowed & (moas[:, None] == moas[None, :])).any(axis=1)])
    included = np.isin(moas, reachable)
    return allowed & included[:, None] & included[None, :]


def nearest_neighbours(similarity: np.ndarray, gallery: np.ndarray, moas: np.ndarray) -> NearestNeighbours:
    """1-nearest neighbour among ``gallery``; where k tie, each counts 1/k, so a method that cannot tell gets chance.

    Args:
        similarity: (n, n).
        gallery: (n, n) bool, which columns each row may find; a row with none is not asked.
        moas: (n,) mechanisms of action.
    """
    queries = np.flatnonzero(gallery.any(axis=1))
    allowed = np.where(gallery, similarity, -np.inf)[queries]
    tied = (allowed == allowed.max(axis=1, keepdims=True)) & gallery[queries]
    weights = tied / tied.sum(axis=1, keepdims=True)
    correct = (weights * (moas[queries][:, None] == moas[None, :])).sum(axis=1)
    return NearestNeighbours(queries, weights, correct)


def confusion(neighbours: NearestNeighbours, moas: np.ndarray, labels: list[str]) -> np.ndarray:
    """Confusion matrix (true, predicted) in the order of ``labels``; tied neighbours count by their part."""
    member = (moas[:, None] == np.array(labels)[None, :]).astype(float)
    counts: np.ndarray = member[neighbours.queries].T @ (neighbours.weights @ member)
    return counts
