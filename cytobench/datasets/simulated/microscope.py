"""Photograph fields of view: illumination, blur, background and noise, and what differs between batches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from cytobench.datasets.simulated.parameters import BatchEffect, Optics, ScreenParameters
from cytobench.datasets.simulated.phenotypes import generator


class Batch(NamedTuple):
    """What one plate's stain and microscope do, a number a channel; ``size`` scales its cells."""

    gain: np.ndarray
    background: np.ndarray
    blur: np.ndarray
    size: float


def batch_of(week: str, plate: str, seed: int, parameters: ScreenParameters) -> Batch:
    """The batch effects of a plate: those of its week and its own."""
    logs = [_shift(parameters.week, generator(seed, "week", week)), _shift(parameters.plate, generator(seed, "plate", plate))]
    shift, optics = logs[0] + logs[1], parameters.optics
    blur = np.maximum(np.asarray(optics.blur) + shift[6], 0.4)
    return Batch(optics.gain * np.exp(shift[:3]), optics.background * np.exp(shift[3:6]), blur, float(np.exp(shift[7])))


def illumination(plate: str, seed: int, parameters: ScreenParameters) -> np.ndarray:
    """How bright the light of a plate is: (3, height, width) float32, the mean of each channel 1.

    It falls with the square of the distance from an optical axis that is a little off the centre, and somewhat differently
    in each channel.
    """
    rng, optics = generator(seed, "light", plate), parameters.optics
    axes = rng.normal(0, optics.off_centre, (1, 2)) + rng.normal(0, optics.off_centre / 3, (3, 2))
    loss = optics.shading * rng.uniform(0.6, 1, 3)
    x, y = (np.linspace(-1, 1, side) for side in parameters.field)
    squared = (x - axes[:, :1])[:, None, :] ** 2 + ((y - axes[:, 1:]) ** 2)[:, :, None]
    light = 1 - loss[:, None, None] * squared / squared.max(axis=(1, 2), keepdims=True)
    return np.asarray(light / light.mean(axis=(1, 2), keepdims=True), dtype=np.float32)


def photograph(
    intensities: np.ndarray, batch: Batch, light: np.ndarray, defocus: float, optics: Optics, rng: np.random.Generator
) -> np.ndarray:
    """Turn the intensities of a field into camera counts.

    Args:
        intensities: (3, height, width) float32.
        batch: the plate's gain, background and blur.
        light: (3, height, width), as of ``illumination``.
        defocus: standard deviation of the blur of a field out of focus, px.
        optics: the noise.
        rng: where chance comes from.

    Returns:
        (3, height, width) uint16: 12-bit counts times 16.
    """
    counts = np.empty(intensities.shape, np.uint16)
    for channel, sharp in enumerate(intensities):
        mean = gaussian_filter(sharp, np.hypot(batch.blur[channel], defocus), mode="nearest", truncate=3.0)
        mean *= np.float32(batch.gain[channel])
        mean += np.float32(batch.background[channel])
        mean *= light[channel]
        spread = np.sqrt(mean / np.float32(optics.electrons) + np.float32(optics.read_noise**2))
        spread *= rng.standard_normal(mean.shape, dtype=np.float32)
        counts[channel] = np.rint(mean + spread).clip(0, 4095).astype(np.uint16) * 16
    return counts


def _shift(effect: BatchEffect, rng: np.random.Generator) -> np.ndarray:
    """Log gain and log background of three channels, blur and log size: (8,)."""
    return rng.normal(0, [effect.gain] * 3 + [effect.background] * 3 + [effect.blur, effect.size])
