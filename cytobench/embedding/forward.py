"""Batches through a method: on its device, in the arithmetic of its recipe, as many cells at a time as fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from operator import itemgetter

import numpy as np
import torch

from cytobench.datasets.batches import BatchReader
from cytobench.datasets.store import CellStore
from cytobench.embedding.checks import checked, name_of
from cytobench.errors import CytoBenchError, blaming
from cytobench.method import CellBatch, Method
from cytobench.training.feed import read_ahead

CELLS_AT_A_TIME = 256
"""Cells read and embedded at once by a method without networks; no result depends on it."""

NETWORK_CELLS = {"cpu": 64, "cuda": 1024}
"""Cells read by one with networks, and tried at once; a processor gains nothing from more, and its caches lose."""

AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}

NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""What torch says where a batch does not fit."""


class Embedder:
    """A method that reads and embeds the cells of a store.

    Args:
        method: made for this store's channels; its networks are laid out channels last.
        store: the cells.
    """

    def __init__(self, method: Method, store: CellStore):
        self.method, self._reader = method, BatchReader(store, method.recipe.input)
        self._device, cells = torch.device("cpu"), CELLS_AT_A_TIME
        if isinstance(method, torch.nn.Module):
            method.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._device = next((tensor.device for tensor in (*method.parameters(), *method.buffers())), self._device)
            cells = NETWORK_CELLS.get(self._device.type, NETWORK_CELLS["cuda"])
        self.at_a_time = self._fitting = cells
        self.features = self.rows(np.arange(min(2, len(store)))).shape[1]

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Embed some cells by their rows in the store: (len(rows), D) float32."""
        return self._vectors(self._reader.read(rows).to(self._device))

    def pieces(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Embed many cells, the next ones being read meanwhile; yield a piece of ``rows`` and its vectors at a time."""
        pieces = [rows[start : start + self.at_a_time] for start in range(0, len(rows), self.at_a_time)]
        batches = read_ahead((self._reader.read(piece) for piece in pieces), self._device)
        for piece, batch in zip(pieces, batches, strict=True):
            vectors = self._vectors(batch)
            if vectors.shape[1] != self.features:
                raise CytoBenchError(f"{name_of(self.method)} returned {vectors.shape[1]} features, and {self.features} before")
            yield piece, vectors

    def _vectors(self, batch: CellBatch) -> np.ndarray:
        """Embed a batch, in halves of halves where it does not fit into memory: the first size that fits is kept."""
        while True:
            size = min(self._fitting, len(batch))
            try:
                return np.concatenate([self._embed(part) for part in _split(batch, size)])
            except CytoBenchError as error:
                if size == 1 or not _is_out_of_memory(error.__cause__):
                    raise
            self._fitting = size // 2
            if self._device.type == "cuda":
                torch.cuda.empty_cache()

    def _embed(self, batch: CellBatch) -> np.ndarray:
        dtype = AUTOCAST.get(self.method.recipe.embedding.precision)
        arithmetic = torch.autocast(self._device.type, dtype) if dtype is not None else nullcontext()
        with torch.inference_mode(), arithmetic, blaming(f"{name_of(self.method)}.embed"):
            vectors = self.method.embed(batch)
        if dtype is not None and isinstance(vectors, torch.Tensor):
            vectors = vectors.float()
        return checked(vectors, len(batch), self.method)


def _split(batch: CellBatch, size: int) -> Iterator[CellBatch]:
    """Pieces of ``size`` cells, laid out as convolutions are fastest."""
    batch = replace(batch, images=batch.images.contiguous(memory_format=torch.channels_last))
    for start in range(0, len(batch), size):
        yield batch.map(itemgetter(slice(start, start + size)))


def _is_out_of_memory(error: BaseException | None) -> bool:
    said = isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
    return said or isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
