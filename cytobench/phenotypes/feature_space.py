"""Images in a feature space, embedded by a method that learned nothing from these cells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from cytobench.errors import CytoBenchError
from cytobench.imaging.crop_masks import Found
from cytobench.method import CellBatch, Method
from cytobench.phenotypes.model import device_of
from cytobench.phenotypes.segmenting import segmented

PART = 64
"""Images embedded at a time; no result depends on it."""


@dataclass(frozen=True)
class Described:
    """Images in a feature space."""

    values: np.ndarray
    """(n, D) float64; may be NaN where the space's method may give NaN (a texture of a cell too small for it)."""
    without_nucleus: np.ndarray
    """(n,) bool: images without a nucleus, where discs stand for it and its cell; all False where nothing is segmented."""


@dataclass(frozen=True)
class FeatureSpace:
    """A method whose embedding images are compared in; call it with images (n, C, H, W) in [0, 1] to get (n, D) float64."""

    name: str
    """``METHOD:RECIPE``, as it stands beside every number measured in it."""
    key: str
    """A sha256 of all that decides its values: code, recipe, weights, versions of packages."""
    method: Method
    segments: bool
    """Whether images are segmented first, because the method measures inside masks."""

    @property
    def learned(self) -> bool:
        """Whether features are those of a network, which are compared as they are; measurements have units of their own."""
        return isinstance(self.method, torch.nn.Module)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the features (n, D) float64 of images (n, C, H, W) float32 in [0, 1]."""
        return self.described(images).values

    def described(self, images: np.ndarray) -> Described:
        """Return the features of images (n, C, H, W) float32 in [0, 1], and in which of them no nucleus was found."""
        self._check(images)
        masks, nucleusless = self._masks(images)
        with torch.inference_mode(), _full_precision():
            parts = [self._embedded(images, masks, start) for start in range(0, len(images), PART)]
        return Described(np.concatenate(parts).astype(np.float64), nucleusless)

    def _embedded(self, images: np.ndarray, masks: np.ndarray | None, start: int) -> np.ndarray:
        part = slice(start, start + PART)
        shown = torch.from_numpy(np.ascontiguousarray(images[part], np.float32))
        within = None if masks is None else torch.from_numpy(masks[part])
        embedded: Any = self.method.embed(CellBatch(shown, within, self.method.channels).to(self.device))
        return np.asarray(embedded.float().cpu() if isinstance(embedded, torch.Tensor) else embedded)

    def _masks(self, images: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
        if not self.segments:
            return None, np.zeros(len(images), bool)
        cells = segmented(images, self.method.channels)
        return cells.masks, np.array([found is Found.NONE for found in cells.found], bool)

    def _check(self, images: np.ndarray) -> None:
        channels, size = self.method.channels, self.method.size
        if images.ndim != 4 or images.shape[1:] != (len(channels), size, size) or not len(images):
            raise CytoBenchError(
                f"{self.name} was made for images (n, {len(channels)}, {size}, {size}) and given {images.shape}; "
                "make it for their channels and size"
            )
        if not np.isfinite(images).all() or images.min() < 0 or images.max() > 1:
            raise CytoBenchError(f"{self.name} compares images in [0, 1] without NaN; scale them as the model sees them")

    @property
    def device(self) -> torch.device:
        """What it computes on: numbers of two kinds of devices differ in their last digits."""
        return device_of(self.method)


@contextmanager
def _full_precision() -> Iterator[None]:
    """Multiply in all digits of float32, whatever training allowed: TF32 keeps 10 bits, and not on every device."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = False
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
