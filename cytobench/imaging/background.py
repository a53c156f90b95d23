"""What lies under the objects of an image: its smooth background, and its noise."""

from __future__ import annotations

import numpy as np

from cytobench.imaging.blocks import block_mean

BACKGROUND_GRID = 32
"""Blocks along the longer side of the image that the background is fitted to."""


def above_background(image: np.ndarray, quantile: float) -> np.ndarray:
    """The image less a smooth background: the parabola in x and y with ``quantile`` of the coarse image below it."""
    coarse = block_mean(image, -(-max(image.shape) // BACKGROUND_GRID)).astype(float)
    lowest, span = coarse.min(), np.ptp(coarse)
    if span == 0:
        return image - np.float32(lowest)
    terms, values = _parabola(coarse.shape).reshape(-1, 6), (coarse.ravel() - lowest) / span
    above = values - np.quantile(values, quantile)
    fitted = np.zeros(6)
    for _ in range(15):  # quantile regression by reweighted least squares
        weighted = terms * (np.where(above > 0, quantile, 1 - quantile) / np.maximum(np.abs(above), 0.005))[:, None]
        fitted = np.linalg.solve(weighted.T @ terms + 1e-9 * np.eye(6), weighted.T @ values)
        above = values - terms @ fitted
    fitted[0] += 0.01  # the fit is no better than this, so what is less is nothing
    return image - np.float32(lowest) - (_parabola(image.shape) @ (span * fitted)).astype(np.float32)


def _parabola(shape: tuple[int, ...]) -> np.ndarray:
    """(H, W, 6) the terms 1, y, x, y^2, x y, x^2 at the pixel centres, -1 to 1 across the image."""
    y, x = np.meshgrid(*((2 * np.arange(size) + 1) / size - 1 for size in shape), indexing="ij")
    return np.stack([np.ones(shape), y, x, y * y, x * y, x * x], axis=-1)


def noise_after(image: np.ndarray, sigma: float) -> float:
    """Standard deviation of what pixel noise leaves after smoothing, from pixels two apart that mostly show the same."""
    if image.shape[-1] < 3:
        return 0.0
    difference = np.abs(image[:, 2:] - image[:, :-2])
    pixel = float(difference[difference <= np.quantile(difference, 0.9)].mean()) / 0.93
    return pixel / np.sqrt(1 + 4 * np.pi * sigma**2)
