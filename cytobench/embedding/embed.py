"""Cells -> vectors: one loop for every method, which checks what the method returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cytobench.datasets.batches import BatchReader
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError, blaming
from cytobench.files import replacing
from cytobench.method import Method
from cytobench.profiling.aggregate import cells_to_wells
from cytobench.progress import progress_bar

BATCH_SIZE = 256
"""Cells embedded at a time; no result depends on it."""

ORDER_SEED = 0
"""Of the order in which cells are embedded."""

REPEATED_CELLS, TOLERANCE = 61, 1e-3
"""Cells embedded twice, and the relative difference that rounding may make between the two."""


@dataclass(frozen=True)
class Embeddings:
    """One vector a cell, in the order of the store."""

    values: np.ndarray
    """(N, D) float32, in memory or memory-mapped."""
    feature_names: tuple[str, ...]
    cells: pd.DataFrame
    """N rows: plate, well, compound, concentration ..."""

    def wells(self) -> pd.DataFrame:
        """Average over the cells of each well: a profile table."""
        return cells_to_wells(self.values, self.cells, self.feature_names)


def embed(method: Method, store: CellStore, *, path: Path | None = None, progress: bool = False) -> Embeddings:
    """Embed every cell of a store.

    Args:
        method: made for this store's channels (``cytobench.load_method``).
        store: the cells.
        path: a ``.npy`` file to write the values to as they come; in memory where None.
        progress: show a progress bar on stderr.

    Raises:
        CytoBenchError: where the method returns anything but finite float32 of shape (B, D).
    """
    if path is None:
        values, names = _embed_into(None, method, store, progress)
    else:
        with replacing(path) as temporary:
            values, names = _embed_into(temporary, method, store, progress)
        values = np.load(path, mmap_mode="r")
    return Embeddings(values, names, store.cells)


def _embed_into(file: Path | None, method: Method, store: CellStore, progress: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    reader = BatchReader(store, method.recipe.input)
    # Cells come in an order that tells nothing of plate and treatment: a store's own order would be a label.
    order = np.random.default_rng(ORDER_SEED).permutation(len(store))
    values: np.ndarray | None = None
    with progress_bar(len(store), "embed", "cell", shown=progress) as bar:
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            vectors = _embed_rows(method, reader, rows)
            if values is None:
                values = _allocate(file, (len(store), vectors.shape[1]))
            if vectors.shape[1] != values.shape[1]:
                raise CytoBenchError(f"{_name(method)} returned {vectors.shape[1]} features, and {values.shape[1]} before")
            values[rows] = vectors
            bar.update(len(rows))
    assert values is not None  # a store has at least one cell
    _refuse_dependence(method, reader, order, values)
    if isinstance(values, np.memmap):
        values.flush()
    return values, feature_names(method.feature_names, values.shape[1], _name(method))


def _embed_rows(method: Method, reader: BatchReader, rows: np.ndarray) -> np.ndarray:
    device = torch.device("cpu")
    if isinstance(method, torch.nn.Module):
        method.eval()
        device = next((parameter.device for parameter in method.parameters()), device)
    with torch.inference_mode():
        batch = reader.read(rows).to(device)
        with blaming(f"{_name(method)}.embed"):
            vectors = method.embed(batch)
        return checked(vectors, len(rows), method)


def _refuse_dependence(method: Method, reader: BatchReader, order: np.ndarray, values: np.ndarray) -> None:
    """Embed a few cells again, in another order and beside other cells: each must get the vector that it had."""
    rows = order[:: max(len(order) // REPEATED_CELLS, 1)][:REPEATED_CELLS][::-1]
    again, before = _embed_rows(method, reader, rows), values[rows]
    scale = np.nanmax(np.abs(before), initial=0.0)
    far = ~np.isclose(again, before, rtol=TOLERANCE, atol=TOLERANCE * scale, equal_nan=True)
    if far.any():
        row = int(far.any(axis=1).argmax())
        raise CytoBenchError(
            f"{_name(method)} gave cell {rows[row]} another vector beside other cells; embed() must be deterministic and "
            "must not depend on the batch (is a batch norm or a dropout in training mode?)"
        )


def checked(vectors: torch.Tensor | np.ndarray, rows: int, method: Method) -> np.ndarray:
    """Return what a method gave as a NumPy array, or say what is wrong with it."""
    array = vectors.cpu().numpy() if isinstance(vectors, torch.Tensor) else np.asarray(vectors)
    if array.ndim != 2 or array.shape[0] != rows or array.shape[1] == 0:
        raise CytoBenchError(f"{_name(method)} returned shape {array.shape} for {rows} rows; it must return ({rows}, D)")
    if array.dtype != np.float32:
        raise CytoBenchError(f"{_name(method)} returned {array.dtype}; it must return float32 vectors")
    bad = np.isinf(array) if method.nan_features else ~np.isfinite(array)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise CytoBenchError(f"{_name(method)} returned {array[row, column]} for row {row} of a batch, feature {column}")
    return array


def feature_names(names: Sequence[str] | None, features: int, method: str) -> tuple[str, ...]:
    """Return the method's own feature names, or numbered ones."""
    if names is None:
        return tuple(f"feature_{number:04d}" for number in range(features))
    if len(names) != features:
        raise CytoBenchError(f"{method} returned {features} features but names {len(names)}")
    return tuple(names)


def _allocate(file: Path | None, shape: tuple[int, int]) -> np.ndarray:
    if file is None:
        return np.empty(shape, np.float32)
    return np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)


def _name(method: Method) -> str:
    return type(method).__name__
