"""Cells -> vectors: one loop for every method, which checks what the method returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from cytobench.datasets.batches import BatchReader
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.files import replacing
from cytobench.method import Method
from cytobench.profiling.aggregate import cells_to_wells

BATCH_SIZE = 256
"""Cells embedded at a time; no result depends on it."""


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
    device = torch.device("cpu")
    if isinstance(method, torch.nn.Module):
        method.eval()
        device = next((parameter.device for parameter in method.parameters()), device)
    values: np.ndarray | None = None
    with torch.inference_mode(), tqdm(total=len(store), desc="embed", unit="cell", disable=not progress) as bar:
        for rows, batch in reader.in_order(BATCH_SIZE):
            vectors = checked(method.embed(batch.to(device)), len(rows), method)
            if values is None:
                values = _allocate(file, (len(store), vectors.shape[1]))
            if vectors.shape[1] != values.shape[1]:
                raise CytoBenchError(f"{_name(method)}.embed returned {vectors.shape[1]} features, then {values.shape[1]}")
            values[rows] = vectors
            bar.update(len(rows))
    assert values is not None  # a store has at least one cell
    if isinstance(values, np.memmap):
        values.flush()
    return values, feature_names(method.feature_names, values.shape[1], _name(method))


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
