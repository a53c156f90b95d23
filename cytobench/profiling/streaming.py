"""Whitening of single cells, as many as a disk holds: one pass for the covariance of the control cells, one to whiten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.files import replacing
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
class Whitening:
    """Centre on the control cells, project on their principal axes, scale each to unit variance; no rotation back."""

    mean: np.ndarray
    """(D,) of the control cells."""
    projection: np.ndarray
    """(D, D): V diag(1 / sqrt(s + ridge)), columns from the largest eigenvalue s of the controls' covariance to the least."""

    def apply(self, cells: np.ndarray) -> np.ndarray:
        """Return whitened (n, D) float32 of ``cells`` (n, D), computed in float64."""
        whitened: np.ndarray = (np.asarray(cells, np.float64) - self.mean) @ self.projection
        return whitened.astype(np.float32)


def stream_moments(values: np.ndarray, rows: np.ndarray | None = None, *, progress: bool = False) -> Moments:
    """Mean and covariance of rows in one pass, in the memory of a block and two (D, D) matrices.

    Each block is centred on its own mean and then joined to those before it (Chan, Golub and LeVeque 1983,
    doi:10.1080/00031305.1983.10483115), so that a mean far larger than the deviations costs no digits.

    Args:
        values: (N, D) embeddings, in memory or memory-mapped.
        rows: (N,) bool, the rows that count; all where None.
        progress: show a bar.

    Raises:
        CytoBenchError: where fewer than two rows count, or one of them has a value that is not finite.
    """
    count, mean, scatter = 0, np.zeros(values.shape[1]), np.zeros((values.shape[1],) * 2)
    for start, block in _blocks(values, rows, "covariance", progress):
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


def whiten_cells(
    values: np.ndarray, control: np.ndarray, ridge: float = 1e-6, path: Path | None = None, *, progress: bool = False
) -> np.ndarray:
    """Whiten single-cell embeddings on the control cells.

    Args:
        values: (N, D) embeddings, in memory or memory-mapped; a cell with a missing value becomes one without values.
        control: (N,) bool, the control cells.
        ridge: added to each eigenvalue of their covariance.
        path: the .npy file to write; without it the result is in memory.
        progress: show a bar.

    Returns:
        (N, D) float32; memory-mapped where there is a path.
    """
    whitening = fit_whitening(stream_moments(values, control, progress=progress), ridge)
    if path is None:
        whitened = np.empty(values.shape, np.float32)
        _fill(whitened, values, whitening, progress)
        return whitened
    with replacing(path) as temporary:
        mapped = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=values.shape)
        _fill(mapped, values, whitening, progress)
        mapped.flush()
        del mapped
    written: np.ndarray = np.load(path, mmap_mode="r")
    return written


def _fill(out: np.ndarray, values: np.ndarray, whitening: Whitening, progress: bool) -> None:
    for start, block in _blocks(values, None, "whitening", progress):
        out[start : start + len(block)] = whitening.apply(block)


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
