"""A field of view as a person looks at it: channels in colours, nuclei and cells outlined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from skimage.segmentation import find_boundaries

COLOURS = ((0.25, 0.45, 1.0), (0.2, 1.0, 0.3), (1.0, 0.3, 0.2))
"""Of the first three channels: the nuclear stain blue, the second green, the third red."""

NUCLEUS_LINE, CELL_LINE = (255, 255, 255), (255, 220, 0)

SHOWN = (1.0, 99.7)
"""Percentiles of a channel's pixels that are shown black and full."""


def composite(images: np.ndarray) -> np.ndarray:
    """Show up to three channels (C, H, W) in one picture, each stretched by itself: (H, W, 3) uint8."""
    low, high = np.percentile(images[: len(COLOURS)], SHOWN, axis=(1, 2))
    return coloured(images, low, high)


def coloured(images: np.ndarray, low: Sequence[float] | np.ndarray, high: Sequence[float] | np.ndarray) -> np.ndarray:
    """Show up to three channels in one picture.

    Args:
        images: (C, H, W).
        low: (C,) or more, what is shown black in each channel.
        high: the same, what is shown full.

    Returns:
        (H, W, 3) uint8.
    """
    picture = np.zeros((*images.shape[1:], 3), np.float32)
    for image, black, full, colour in zip(images, low, high, COLOURS, strict=False):
        picture += ((image - black) / max(full - black, 1)).clip(0, 1)[..., None] * np.asarray(colour, np.float32)
    return np.rint(picture.clip(0, 1) * 255).astype(np.uint8)


def overlay(images: np.ndarray, nuclei: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Show a field with its segmentation.

    Args:
        images: (C, H, W), the nuclear stain first.
        nuclei: (H, W) labels, outlined in white.
        cells: (H, W) labels, outlined in yellow.

    Returns:
        (H, W, 3) uint8.
    """
    return outlined(composite(images), nuclei, cells)


def outlined(picture: np.ndarray, nuclei: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Draw the outlines of labels (H, W) into a picture (H, W, 3) uint8: nuclei in white, cells in yellow."""
    picture[find_boundaries(cells, mode="inner")] = CELL_LINE
    picture[find_boundaries(nuclei, mode="inner")] = NUCLEUS_LINE
    return picture
