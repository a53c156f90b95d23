"""Batches: what a method sees of a store, scaled and cropped as its recipe asks."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch

from cytobench.datasets.conditions import Conditions
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.imaging.crop_masks import segment_crops
from cytobench.method import CellBatch
from cytobench.training.settings import InputSpec

PERCENTILES = (0.1, 99.9)
"""``percentile`` scaling maps these percentiles of a plate's pixels, channel by channel, to 0 and 1."""

PERCENTILE_CELLS = 2_000
"""Cells of a plate, evenly spaced in the store, that they are taken from: all 24,000 would move them by very little."""


class BatchReader:
    """Make batches of a store.

    Args:
        store: the cells.
        spec: what the method wants to see.
        conditions: what a conditional method is told in training; never given where cells are embedded.

    Raises:
        CytoBenchError: where the store cannot give it.
    """

    def __init__(self, store: CellStore, spec: InputSpec, conditions: Conditions | None = None):
        self._store, self._spec, self._conditions = store, spec, conditions
        self._limits: dict[int, np.ndarray] = {}
        _, height, width = store.manifest.shape
        self.size = spec.crop_size or min(height, width)
        if self.size > min(height, width):
            raise CytoBenchError(
                f"the recipe asks for crops of {self.size} px, but {store.manifest.name} has {height} x {width} px; "
                f"set -o input.crop_size={min(height, width)} or less"
            )

    def read(self, rows: np.ndarray) -> CellBatch:
        """Return the cells ``rows``, in that order."""
        images = self._store.images(rows)
        masks = torch.from_numpy(self._crop(self._masks(rows, images))) if self._spec.masks else None
        raw = self._crop(images).astype(np.float32)
        told = None if self._conditions is None else self._conditions.of(rows)
        condition = None if told is None else torch.from_numpy(told)
        return CellBatch(torch.from_numpy(self._scale(raw, rows)), masks, self._store.channels, condition)

    def _masks(self, rows: np.ndarray, images: np.ndarray) -> np.ndarray:
        if self._store.has_masks:
            return self._store.masks(rows)
        return segment_crops(images, self._store.channels)

    def _crop(self, images: np.ndarray) -> np.ndarray:
        top, left = ((extent - self.size) // 2 for extent in images.shape[-2:])
        return np.ascontiguousarray(images[..., top : top + self.size, left : left + self.size])

    def _scale(self, raw: np.ndarray, rows: np.ndarray) -> np.ndarray:
        if self._spec.scaling == "luminance":
            maximum = raw.max(axis=(2, 3), keepdims=True)
            return raw / np.where(maximum > 0, maximum, 1)
        if self._spec.scaling == "range":
            return raw / np.float32(np.iinfo(self._store.manifest.dtype).max)
        plates = self._plates[0][rows]
        limits = np.stack([self._limits_of(plate) for plate in plates])[..., None, None]
        return np.clip((raw - limits[:, 0]) / np.maximum(limits[:, 1] - limits[:, 0], 1), 0, 1)

    @cached_property
    def _plates(self) -> tuple[np.ndarray, tuple[str, ...]]:
        return self._store.groups("plate")

    def _limits_of(self, plate: int) -> np.ndarray:
        """(2, C) float32 pixel values at each of ``PERCENTILES`` of a plate, measured when it is first seen."""
        if plate not in self._limits:
            rows = np.flatnonzero(self._plates[0] == plate)
            histograms = self._histograms(rows[np.unique(np.linspace(0, len(rows) - 1, PERCENTILE_CELLS).astype(int))])
            cumulative = np.cumsum(histograms, axis=1) / histograms.sum(axis=1, keepdims=True)
            levels = [np.searchsorted(shares, np.array(PERCENTILES) / 100) for shares in cumulative]
            self._limits[plate] = np.array(levels, np.float32).T
        return self._limits[plate]

    def _histograms(self, rows: np.ndarray) -> np.ndarray:
        channels, levels = len(self._store.channels), np.iinfo(self._store.manifest.dtype).max + 1
        histograms = np.zeros((channels, levels), np.int64)
        for start in range(0, len(rows), 1024):
            images = self._store.images(rows[start : start + 1024])
            for channel in range(channels):
                histograms[channel] += np.bincount(images[:, channel].ravel(), minlength=levels)
        return histograms
