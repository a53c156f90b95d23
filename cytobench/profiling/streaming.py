"""Whitening by the control cells, as many as a disk holds: read in blocks, of which only sums are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from cytobench.errors import CytoBenchError
from cytobench.progress import progress_bar

BLOCK_VALUES = 2**21
"""Values worked on at a time: 16 MiB in float64, of which a few copies are held."""


@dataclass(frozen=True)
class Moments:
    """The first two moments of rows."""

    count: int
    mean: np.ndarray
    """(D,) float64."""
    covariance: np.ndarray
    """(D, D) float64, unbiased (ddof 1)."""


@dataclass(frozen=True)
class Filling:
    """A missing value becomes the control cells' mean of its feature; a feature without any value in them is dropped."""

    kept: np.ndarray
    """(D,) bool: the features that are kept, D' of them."""
    means: np.ndarray
    """(D',) float64."""

    def apply(self, cells: np.ndarray) -> np.ndarray:
        """Return filled (n, D') of ``cells`` (n, D)."""
        known = cells[:, self.kept]
        return np.where(np.isnan(known), self.means, known)


@dataclass(frozen=True)
class Whitening:
    """Centre on the control cells, project on their principal axes, scale each to unit variance; no rotation back."""

    mean: np.ndarray
    """(D,) of the control cells."""
    projection: np.ndarray
    """(D, D): V diag(1 / sqrt(s + ridge)), columns from the largest eigenvalue s of the controls' covariance to the least."""

    def apply(self, cells: np.ndarray) -> np.ndarray:
        """Return whitened (n, D) float64 of ``cells`` (n, D), or of their means: the mean of whitened cells is the same."""
        whitened: np.ndarray = (np.asarray(cells, np.float64) - self.mean) @ self.projection
        return whitened


def fit_filling(values: np.ndarray, control: np.ndarray, *, progress: bool = False) -> Filling:
    """Find what missing values become, in one pass over the control cells.

    Args:
        values: (N, D) embeddings, in memory or memory-mapped.
        control: (N,) bool, the control cells.
        progress: show a bar.
    """
    sums, counts = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for _, block in _blocks(values, control, "missing values", progress):
        sums += np.nansum(block, axis=0)
        counts += (~np.isnan(block)).sum(axis=0)
    kept = counts > 0
    return Filling(kept, sums[kept] / counts[kept])


def stream_moments(
    values: np.ndarray, rows: np.ndarray | None = None, filling: Filling | None = None, *, progress: bool = False
) -> Moments:
    """Mean and covariance of rows in one pass, in the memory of a block and two (D, D) matrices.

    Each block is centred on its own mean and then joined to those before it (Chan, Golub and LeVeque 1983,
    doi:10.1080/00031305.1983.10483115), so that a mean far larger than the deviations costs no digits.

    Args:
        values: (N, D) embeddings, in memory or memory-mapped.
        rows: (N,) bool, the rows that count; all where None.
        filling: what a missing value becomes; where None, there may be none.
        progress: show a bar.

    Raises:
        CytoBenchError: where fewer than two rows count, or one of them has a value that is not finite.
    """
    features = values.shape[1] if filling is None else len(filling.means)
    count, mean, scatter = 0, np.zeros(features), np.zeros((features, features))
    for start, block in _blocks(values, rows, "covariance", progress):
        block = block if filling is None else filling.apply(block)
        _require_finite(block, start, rows)
        own = block.mean(axis=0)
        block -= own
        total = count + len(block)
        scatter += block.T @ block
        scatter += np.outer(own - mean, own - mean) * (count * len(block) / total)
        mean += (own - mean) * (len(block) / total)
        count = total
    if count < 2:
        raise CytoBenchError(f"a covariance needs two control cells or more, and there {'is 1' if count else 'is none'}")
    return Moments(count, mean, scatter / (count - 1))


def fit_whitening(moments: Moments, ridge: float) -> Whitening:
    """The whitening of CytoGAN (Goldsborough et al. 2017, doi:10.1101/227645) from the control cells' moments.

    Args:
        moments: of the control cells.
        ridge: added to each eigenvalue, above 0 where the features are not independent; 1e-6 in CytoGAN.
    """
    eigenvalues, vectors = np.linalg.eigh(moments.covariance)
    eigenvalues, vectors = np.maximum(eigenvalues[::-1], 0.0) + ridge, vectors[:, ::-1]
    if not (eigenvalues > 0).all():
        raise CytoBenchError("the control cells do not vary in every direction; give the whitening a ridge above 0")
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(vectors))]
    signs = np.where(largest < 0, -1.0, 1.0)  # an eigenvector's sign is arbitrary: its largest entry is made positive
    return Whitening(moments.mean, vectors * (signs / np.sqrt(eigenvalues)))


def stream_means(values: np.ndarray, owner: np.ndarray, filling: Filling, *, progress: bool = False) -> np.ndarray:
    """Average cells, their missing values filled, over each group in one pass.

    Args:
        values: (N, D) embeddings, in memory or memory-mapped.
        owner: (N,) the group of each cell, 0..groups-1, each with one cell or more.
        filling: what a missing value becomes.
        progress: show a bar.

    Returns:
        (groups, D') float64.
    """
    groups = int(owner.max(initial=-1)) + 1
    sums = np.zeros((groups, len(filling.means)))
    for start, block in _blocks(values, None, "averages", progress):
        rows = owner[start : start + len(block)]
        member = sparse.csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(groups, len(rows)))
        sums += member @ filling.apply(block)
    means: np.ndarray = sums / np.bincount(owner, minlength=groups)[:, None]
    return means


def _blocks(values: np.ndarray, rows: np.ndarray | None, what: str, progress: bool) -> Iterator[tuple[int, np.ndarray]]:
    """The first row and the counted rows of each block, a copy in float64, where any counts."""
    with progress_bar(len(values), what, "cell", shown=progress) as bar:
        for start in range(0, len(values), _height(values)):
            part = slice(start, min(start + _height(values), len(values)))
            if rows is None or rows[part].any():
                block = values[part] if rows is None else values[part][rows[part]]
                yield start, np.array(block, np.float64)
            bar.update(part.stop - start)


def _require_finite(block: np.ndarray, start: int, rows: np.ndarray | None) -> None:
    broken = ~np.isfinite(block).all(axis=1)
    if broken.any():
        position = int(broken.argmax())
        row = start + (position if rows is None else int(np.flatnonzero(rows[start:])[position]))
        raise CytoBenchError(f"row {row}, a control cell, has a value that is not finite; fill or drop such features first")


def _height(values: np.ndarray) -> int:
    """Rows of a block."""
    return max(1, BLOCK_VALUES // max(values.shape[1], 1))
