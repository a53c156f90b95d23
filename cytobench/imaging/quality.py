"""Is a crop a picture of something? A stated measure, so that a bad crop is flagged and not dropped in silence."""

from __future__ import annotations

import numpy as np

NOISE_THRESHOLD = 0.5
"""A crop is flagged as noise where any of its channels has a smoothness below this."""


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
