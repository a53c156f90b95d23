"""Illumination functions that an earlier preparation has estimated, to be used again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cytobench.datasets.preparation.plate_tables import ILLUMINATION
from cytobench.errors import CytoBenchError


def read_lights(folder: Path, plates: Sequence[str], channels: Sequence[str]) -> dict[str, np.ndarray]:
    """Read the functions of some plates from the folder of a store.

    Returns:
        Plate -> (C, h, w) float32, 1 and above.

    Raises:
        CytoBenchError: where a plate has none there, or something else.
    """
    return {plate: _read(folder / ILLUMINATION.format(plate=plate), channels) for plate in plates}


def _read(file: Path, channels: Sequence[str]) -> np.ndarray:
    try:
        light: np.ndarray = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CytoBenchError(f"{file}: no illumination functions to use again ({error})") from None
    if light.ndim != 3 or len(light) != len(channels) or light.dtype != np.float32:
        raise CytoBenchError(f"{file}: holds {light.dtype} {light.shape}, not a function for each of {', '.join(channels)}")
    if not (np.isfinite(light).all() and light.min() >= 1):
        raise CytoBenchError(f"{file}: an illumination function is 1 and above everywhere, and this one is not")
    return light
