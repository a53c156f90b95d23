"""Is a crop a picture of something? Stated measures, so that a bad crop is flagged and not dropped in silence."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

NOISE_THRESHOLD = 0.5
"""A crop is flagged as noise where any of its channels has a smoothness below this."""

SATURATED = 0.998
"""A pixel is saturated from this share of the largest value of its type on: a 12-bit camera's images, stored as 16 times the
count, end at 0.9998 of it."""


def smoothness(images: np.ndarray) -> np.ndarray:
    """Correlation of each pixel with its right and lower neighbours.

    The optics blur over more than a pixel, so neighbours in a real picture agree (0.9 and above); in pure noise they do not
    (about 0).

    Args:
        images: (n, H, W), one channel.

    Returns:
        (n,) float32 from -1 to 1 (a little beyond where the border is darker than the rest); 0 where the picture is constant.
    """
    pixels = images.astype(np.float32)
    pixels -= pixels.mean(axis=(1, 2), keepdims=True)
    variance = (pixels**2).mean(axis=(1, 2))
    across = (pixels[:, :, 1:] * pixels[:, :, :-1]).mean(axis=(1, 2))
    down = (pixels[:, 1:, :] * pixels[:, :-1, :]).mean(axis=(1, 2))
    return np.divide((across + down) / 2, variance, out=np.zeros_like(variance), where=variance > 0)


def focus(images: np.ndarray) -> np.ndarray:
    """Sharpness: standard deviation of the Laplacian over that of the picture, after a Gaussian of 1 px against noise.

    What is out of focus has lost its fine detail, so its second derivative is small beside its contrast.

    Args:
        images: (n, H, W), one channel.

    Returns:
        (n,) float32, 0 and above, larger where sharper; 0 where the picture is constant. Compare within one channel and screen.
    """
    smooth = gaussian_filter(images.astype(np.float32), (0, 1, 1))
    around = smooth[:, :-2, 1:-1] + smooth[:, 2:, 1:-1] + smooth[:, 1:-1, :-2] + smooth[:, 1:-1, 2:]
    detail = np.std(around - 4 * smooth[:, 1:-1, 1:-1], axis=(1, 2))
    contrast = np.std(smooth, axis=(1, 2))
    return np.divide(detail, contrast, out=np.zeros_like(detail), where=contrast > 0)


def saturation(images: np.ndarray) -> np.ndarray:
    """Share of pixels at the camera's limit, as it recorded them (before any correction).

    Args:
        images: (n, H, W) uint8 or uint16, one channel.

    Returns:
        (n,) float32 from 0 to 1.
    """
    limit = SATURATED * np.iinfo(images.dtype).max
    return np.asarray((images >= limit).mean(axis=(1, 2)), dtype=np.float32)
