"""The masks of cells in images as a model sees or makes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cytobench.imaging.crop_masks import CropMasks, find_cells


def segmented(images: np.ndarray, channels: Sequence[str]) -> CropMasks:
    """Segment images (n, C, H, W) in [0, 1], as crops are: on 16-bit images; what is beyond 0 or 1 is cut."""
    return find_cells(np.rint(images.clip(0, 1) * np.iinfo(np.uint16).max).astype(np.uint16), channels)
