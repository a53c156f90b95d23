"""Noise with the intensities of cells: what a measure of cells must tell from cells."""

from __future__ import annotations

import numpy as np


def shuffled(images: np.ndarray, seed: int) -> np.ndarray:
    """Return images (n, C, H, W) with the pixels of each channel of each cell in random order: all intensities, no structure."""
    planes = images.reshape(-1, images.shape[-2] * images.shape[-1])
    return np.random.default_rng(seed).permuted(planes, axis=1).reshape(images.shape)
