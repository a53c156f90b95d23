"""Paths as animated GIFs: all pairs side by side, there and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cytobench.files import replacing

MILLISECONDS, REST = 120, 600
"""How long a frame is shown, and how long the two ends."""


def there_and_back(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the frames forwards and then backwards, each end once: 0 1 2 1."""
    return [*frames, *frames[-2:0:-1]]


def write_gif(frames: Sequence[np.ndarray], path: Path, ends: Sequence[int] = (0,)) -> None:
    """Write frames as an endless animation.

    All frames share one palette of 256 colours without dithering, so that what does not change does not flicker.

    Args:
        frames: (H, W, 3) uint8 each, of equal shape.
        path: a ``.gif`` file.
        ends: the frames that are shown longer.
    """
    palette = Image.fromarray(np.concatenate(frames)).quantize(256, Image.Quantize.MEDIANCUT)
    drawn = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    shown = [REST if number in ends else MILLISECONDS for number in range(len(drawn))]
    with replacing(path) as temporary:
        drawn[0].save(temporary, save_all=True, append_images=drawn[1:], duration=shown, loop=0, disposal=1, optimize=False)
