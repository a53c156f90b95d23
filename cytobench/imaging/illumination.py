"""Illumination correction: what the light of a plate and channel does to every field, and how it is taken back.

Singh S, Bray MA, Jones TR, Carpenter AE. Pipeline for illumination correction of images for high-throughput microscopy.
J Microsc 2014, doi:10.1111/jmi.12178: average the fields of a plate (or take a percentile), smooth heavily, rescale by a robust
minimum, divide.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field
from scipy.ndimage import median_filter
from skimage.transform import resize

from cytobench.schema import Record

ROBUST_MINIMUM = 2.0
"""Percentile of the smoothed function that it is divided by, so that it is 1 and above (Singh et al. 2014)."""


class IlluminationSpec(Record):
    """How the illumination function is estimated."""

    method: Literal["singh2014", "none"] = "singh2014"
    statistic: Literal["percentile", "mean"] = "percentile"
    """What of all fields shows the light. A low percentile shows the background and does not depend on where the cells lie, so
    it needs few fields; it falls short where the camera adds much to the light. The mean needs a hundred fields and more: with
    sixteen small ones it was worse than no correction."""
    percentile: float = Field(default=10.0, ge=0, le=100)
    dark: float = Field(default=0, ge=0)
    """Counts that the camera adds without any light, subtracted first; where it is known, the light is found more exactly."""
    fewest_fields: int = Field(default=5, ge=1)
    """A plate with fewer fields is not corrected: what is estimated from one or two is the cells themselves."""
    window: int = Field(default=500, gt=0)
    """Side of the median filter in px of the field (Singh et al. 2014: about 500), at most half the field's shorter side."""
    shrink: int = Field(default=16, gt=0)
    """Fields are averaged over blocks of this many px a side first: the function is far smoother than that."""


def shrunk(image: np.ndarray, spec: IlluminationSpec) -> np.ndarray:
    """Average an image (H, W) over blocks: (ceil(H / shrink), ceil(W / shrink)) float32; border blocks hold what there is."""
    height, width = image.shape
    rows, columns = (np.arange(0, side, spec.shrink) for side in (height, width))
    sums = np.add.reduceat(np.add.reduceat(image, rows, axis=0, dtype=np.float32), columns, axis=1)
    sizes = np.diff(np.append(rows, height))[:, None] * np.diff(np.append(columns, width))[None, :]
    return np.asarray(sums / sizes, dtype=np.float32)


def illumination_function(fields: np.ndarray, spec: IlluminationSpec) -> np.ndarray:
    """Estimate the illumination function of one plate and channel.

    Args:
        fields: (fields, h, w) float32, every field after :func:`shrunk`, in counts as they were recorded.
        spec: the statistic and the window.

    Returns:
        (h, w) float32, at the scale of ``fields``; a field at full size is divided by :func:`enlarged` of it.
    """
    lit = (fields.mean(axis=0) if spec.statistic == "mean" else np.percentile(fields, spec.percentile, axis=0)) - spec.dark
    side = max(min(round(spec.window / spec.shrink), min(lit.shape) // 2), 1)
    smooth = median_filter(lit, size=side, mode="reflect")
    floor = np.percentile(smooth, ROBUST_MINIMUM)
    return np.asarray(np.maximum(smooth / floor, 1) if floor > 0 else np.ones_like(smooth), dtype=np.float32)


def enlarged(function: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Interpolate functions (..., h, w) to the size of a field: (..., H, W) float32."""
    full = [resize(one, shape, order=1, mode="edge", anti_aliasing=False) for one in function.reshape(-1, *function.shape[-2:])]
    return np.stack(full).reshape(*function.shape[:-2], *shape).astype(np.float32, copy=False)
