"""Batches: what a method sees of a store, scaled and cropped as its recipe asks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch

from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch
from cytobench.training.recipe import InputSpec

PERCENTILES = (0.1, 99.9)
"""``percentile`` scaling maps these percentiles of a plate's pixels, channel by channel, to 0 and 1."""


class BatchReader:
    """Make batches of a store.

    Args:
        store: the cells.
        spec: what the method wants to see.

    Raises:
        CytoBenchError: where the store cannot give it.
    """

    def __init__(self, store: CellStore, spec: InputSpec):
        self._store, self._spec = store, spec
        _, height, width = store.manifest.shape
        self.size = spec.crop_size or min(height, width)
        if self.size > min(height, width):
            raise CytoBenchError(
                f"the recipe asks for crops of {self.size} px, but {store.manifest.name} has {height} x {width} px; "
                f"set -o input.crop_size={min(height, width)} or less"
            )
        if spec.masks and not store.has_masks:
            raise CytoBenchError(f"the recipe asks for masks, but {store.manifest.name} has none; set -o input.masks=false")

    def read(self, rows: np.ndarray) -> CellBatch:
        """Return the cells ``rows``, in that order."""
        raw = self._crop(self._store.images(rows)).astype(np.float32)
        masks = torch.from_numpy(self._crop(self._store.masks(rows))) if self._spec.masks else None
        return CellBatch(torch.from_numpy(self._scale(raw, rows)), masks, self._store.channels)

    def _crop(self, images: np.ndarray) -> np.ndarray:
        top, left = ((extent - self.size) // 2 for extent in images.shape[-2:])
        return np.ascontiguousarray(images[..., top : top + self.size, left : left + self.size])

    def _scale(self, raw: np.ndarray, rows: np.ndarray) -> np.ndarray:
        if self._spec.scaling == "luminance":
            maximum = raw.max(axis=(2, 3), keepdims=True)
            return raw / np.where(maximum > 0, maximum, 1)
        if self._spec.scaling == "range":
            return raw / np.float32(np.iinfo(self._store.manifest.dtype).max)
        plates = self._plate_of_cell[rows]
        low, high = (limit[plates][:, :, None, None] for limit in self._plate_limits)
        return np.clip((raw - low) / np.maximum(high - low, 1), 0, 1)

    @cached_property
    def _plate_of_cell(self) -> np.ndarray:
        return np.unique(self._store.cells["plate"].astype(str), return_inverse=True)[1]

    @cached_property
    def _plate_limits(self) -> tuple[np.ndarray, np.ndarray]:
        """(plates, C) float32 pixel values at each of ``PERCENTILES``, from histograms, a few cells in memory at a time."""
        plates, channels = int(self._plate_of_cell.max()) + 1, len(self._store.channels)
        limits = np.zeros((2, plates, channels), np.float32)
        for plate in range(plates):
            rows = np.flatnonzero(self._plate_of_cell == plate)
            for channel, histogram in enumerate(self._histograms(rows)):
                cumulative = np.cumsum(histogram) / histogram.sum()
                limits[:, plate, channel] = np.searchsorted(cumulative, np.array(PERCENTILES) / 100)
        return limits[0], limits[1]

    def _histograms(self, rows: np.ndarray) -> np.ndarray:
        channels, levels = len(self._store.channels), np.iinfo(self._store.manifest.dtype).max + 1
        histograms = np.zeros((channels, levels), np.int64)
        for start in range(0, len(rows), 1024):
            images = self._store.images(rows[start : start + 1024])
            for channel in range(channels):
                histograms[channel] += np.bincount(images[:, channel].ravel(), minlength=levels)
        return histograms


def shuffled_batches(cells: int, batch_size: int, seed: int) -> Iterator[np.ndarray]:
    """Yield row indices for ever: every cell once an epoch, in an order fixed by ``seed``; batches span epochs."""
    generator = np.random.default_rng(seed)
    waiting = np.empty(0, np.int64)
    while True:
        while len(waiting) < batch_size:
            waiting = np.concatenate([waiting, generator.permutation(cells)])
        yield waiting[:batch_size]
        waiting = waiting[batch_size:]
