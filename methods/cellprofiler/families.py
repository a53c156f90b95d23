"""Which of cp_measure's functions measure what, and how much of the image each of them sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

TEXTURE_SCALES = (3, 10)
"""Pixels: those of Ljosa et al. 2013."""

OVERLAP = ("Correlation_Overlap", "Correlation_K_1", "Correlation_K_2")

Measurement = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True)
class Families:
    """cp_measure's functions, by what they take."""

    shape: tuple[Measurement, ...]
    """Of the labels; as ``texture`` and ``pair``, the same wherever the object lies."""
    texture: tuple[Measurement, ...]
    """Of the labels and one channel."""
    pair: tuple[Measurement, ...]
    """Of two channels and the labels."""
    framed_shape: tuple[Measurement, ...]
    """Of the labels; as ``framed``, where an object ends depends on the border of the image, or on rounding of coordinates."""
    framed: tuple[Measurement, ...]
    """Of the labels and one channel."""
    granularity: Measurement | None
    """Of the labels and one channel, after a background is subtracted that depends on the whole image."""


def choose_families(*, full: bool, levels: int) -> Families:
    """Choose cp_measure's functions.

    Args:
        full: whether to measure granularity, radial distribution, Zernike moments and Costes' thresholds, too.
        levels: largest pixel value of the camera, the grid of Costes' thresholds.
    """
    from cp_measure.bulk import get_core_measurements, get_correlation_measurements

    # legacy: CellProfiler's quartiles; not sanitize: the labels that are made here have no gaps
    one, two = get_core_measurements(legacy=True, sanitize=False), get_correlation_measurements(sanitize=False)
    pair = (two["pearson"], overlap, two["manders_fold"], two["rwc"])
    return Families(
        shape=(partial(one["sizeshape"], new_features=False), one["feret"]),  # the new are none of CellProfiler's
        texture=tuple(partial(one["texture"], scale=scale) for scale in TEXTURE_SCALES),
        pair=(*pair, partial(two["costes"], scale_max=levels)) if full else pair,
        # Zernike moments count the two or three pixels on the enclosing circle, or do not, as their distance is rounded
        framed_shape=(one["zernike"],) if full else (),
        framed=(one["intensity"], one["radial_distribution"], one["radial_zernikes"]) if full else (one["intensity"],),
        granularity=one["granularity"] if full else None,
    )


def overlap(pixels_1: np.ndarray, pixels_2: np.ndarray, masks: np.ndarray) -> Mapping[str, Any]:
    """Overlap coefficients; NaN for an object that is black in a channel, where cp_measure 0.3.0 fails for all objects."""
    from cp_measure.core.measurecolocalization import get_correlation_overlap

    try:
        return get_correlation_overlap(pixels_1, pixels_2, masks)
    except ZeroDivisionError:
        count = int(masks.max())
        if count == 1:
            return dict.fromkeys(OVERLAP, [np.nan])
    each = [overlap(pixels_1, pixels_2, (masks == label).astype(np.int32)) for label in range(1, count + 1)]
    return {name: [found[name][0] for found in each] for name in OVERLAP}
