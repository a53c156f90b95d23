"""Images at a lower resolution, in blocks of pixels, and labels found there at the full one again."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def block_mean(image: np.ndarray, block: int) -> np.ndarray:
    """Average over blocks of ``block`` x ``block`` pixels, repeating the last row and column where they do not fit."""
    if block == 1:
        return image
    padded = np.pad(image, [(0, -size % block) for size in image.shape], mode="edge")
    return padded.reshape(padded.shape[0] // block, block, padded.shape[1] // block, block).mean(axis=(1, 3))


def enlarge_labels(labels: np.ndarray, height: np.ndarray, block: int, shape: tuple[int, ...]) -> np.ndarray:
    """Labels at the full size; their outlines lie where the interpolated height is zero, so that blocks do not show."""
    if block == 1:
        return labels
    signed = np.where(labels > 0, np.maximum(height, 1e-6), np.minimum(height, -1e-6))
    inside = ndimage.zoom(signed, block, order=1, mode="nearest", grid_mode=True)[: shape[0], : shape[1]] > 0
    grown = np.where(labels > 0, labels, ndimage.maximum_filter(labels, 3))
    return np.where(inside, _repeat(grown, block, shape), 0)


def _repeat(labels: np.ndarray, block: int, shape: tuple[int, ...]) -> np.ndarray:
    """Each pixel as a block, cut to ``shape``."""
    return labels.repeat(block, axis=0).repeat(block, axis=1)[: shape[0], : shape[1]]
