"""Batches through a method: on its device, in the arithmetic of its recipe, as many cells at a time as fit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from operator import itemgetter

import numpy as np
import torch
from joblib import effective_n_jobs

from cytobench.datasets.batches import BatchReader
from cytobench.datasets.store import CellStore
from cytobench.embedding.checks import checked, name_of
from cytobench.errors import CytoBenchError, blaming
from cytobench.method import CellBatch, Method
from cytobench.training.feed import read_ahead

CELLS_OF_NETWORKS = 64
"""Cells at a time at first; no result depends on it but by rounding. A CPU gains nothing from more, and its caches lose."""

GROWING = ("cuda", "mps")
"""Devices that gain from more: the number is doubled while it fits."""

MOST_BYTES = 2**29
"""Of the images of one batch, so that batches that wait in the main memory do not fill it."""

CELLS_A_WORKER = 32
"""Cells at a time, for each of joblib's workers, of a method without networks."""

AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}

NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""What torch says where a batch does not fit."""

CPU = torch.device("cpu")


class Embedder:
    """A method that reads and embeds the cells of a store.

    Args:
        method: made for this store's channels; its networks are laid out channels last, and so is what passes through them.
        store: the cells.
    """

    def __init__(self, method: Method, store: CellStore):
        self.method, self._reader = method, BatchReader(store, method.recipe.input)
        self._device = CPU
        self._size = CELLS_A_WORKER * effective_n_jobs(None)
        if isinstance(method, torch.nn.Module):
            method.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._device = next((tensor.device for tensor in (*method.parameters(), *method.buffers())), CPU)
            self._size = CELLS_OF_NETWORKS
        cell = len(store.channels) * self._reader.size**2 * np.dtype(np.float32).itemsize
        self._most = max(MOST_BYTES // cell, 1)
        self.features = self.rows(np.arange(min(2, len(store)))).shape[1]

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Embed some cells by their rows in the store: (len(rows), D) float32."""
        return self._vectors(self._reader.read(rows))

    def pieces(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Embed many cells; yield a piece of ``rows`` and its vectors at a time.

        While an accelerator computes the next cells are read; a processor does better to do one after the other on all its cores.
        """
        pieces: deque[np.ndarray] = deque()
        batches = self._read(rows, pieces)
        for batch in batches if self._device == CPU else read_ahead(batches, CPU):
            vectors = self._vectors(batch)
            if vectors.shape[1] != self.features:
                raise CytoBenchError(f"{name_of(self.method)} returned {vectors.shape[1]} features, and {self.features} before")
            yield pieces.popleft(), vectors

    def _read(self, rows: np.ndarray, pieces: deque[np.ndarray]) -> Iterator[CellBatch]:
        """Read ``rows`` piece by piece, noting each; the size may change on the way."""
        start = 0
        while start < len(rows):
            pieces.append(rows[start : start + self._size])
            batch = self._reader.read(pieces[-1])
            start += len(batch)
            yield batch.map(torch.Tensor.pin_memory) if self._device.type == "cuda" else batch

    def _vectors(self, batch: CellBatch) -> np.ndarray:
        """Embed a batch, in halves of halves where it does not fit into memory: the first size that fits is kept."""
        while True:
            size = min(self._size, len(batch))
            try:
                vectors = np.concatenate([self._embed(part) for part in _split(batch, size)])
                break
            except CytoBenchError as error:
                if size == 1 or not _is_out_of_memory(error.__cause__):
                    raise
            self._size = self._most = max(size // 2, 1)
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
        if self._device.type in GROWING and size == self._size:
            self._size = min(2 * size, self._most)
        return vectors

    def _embed(self, batch: CellBatch) -> np.ndarray:
        dtype = AUTOCAST.get(self.method.recipe.embedding.precision)
        arithmetic = torch.autocast(self._device.type, dtype) if dtype is not None else nullcontext()
        with torch.inference_mode(), arithmetic, blaming(f"{name_of(self.method)}.embed"):
            vectors = self.method.embed(batch.to(self._device))
        if dtype is not None and isinstance(vectors, torch.Tensor):
            vectors = vectors.float()
        return checked(vectors, len(batch), self.method)


def _split(batch: CellBatch, size: int) -> Iterator[CellBatch]:
    """Pieces of ``size`` cells."""
    for start in range(0, len(batch), size):
        yield batch.map(itemgetter(slice(start, start + size)))


def _is_out_of_memory(error: BaseException | None) -> bool:
    said = isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
    return said or isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
