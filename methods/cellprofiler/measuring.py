"""Measure a few cells with cp_measure: each family in as few calls as give the values of a call for each object."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from cytobench.imaging.cropping import CYTOPLASM, NUCLEUS
from cytobench_methods.cellprofiler.families import Families, Measurement
from cytobench_methods.cellprofiler.naming import OBJECTS, is_kept, of_channel, of_pair, of_shape, of_texture

DISJOINT = ([0, 2], [1])
"""Nucleus and cytoplasm, which share no pixel and so one label image; the whole cell."""

Named = Iterator[tuple[str, np.ndarray]]
Values = dict[str, np.ndarray]


def measure(images: np.ndarray, masks: np.ndarray, channels: tuple[str, ...], families: Families) -> Values:
    """Measure cells.

    Args:
        images: (n, C, H, W) float64 in [0, 1].
        masks: (n, H, W) uint8: 0 elsewhere, 1 cytoplasm, 2 nucleus.
        channels: C names.
        families: what to measure.

    Returns:
        (n,) float64 under each of CellProfiler's names; NaN for an object that is not there.
    """
    objects = np.stack([masks == NUCLEUS, masks > 0, masks == CYTOPLASM])
    present = np.asarray(objects.any(axis=(2, 3)))
    values: Values = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of what is not defined for an object: it is NaN
        if present.any():
            _put(values, present, present, _on_a_sheet(images, objects, present, channels, families))
        for cell, image in enumerate(images):
            for kinds in DISJOINT:
                here = [kind for kind in kinds if present[kind, cell]]
                if here:
                    _put(values, present, (here, cell), _in_a_frame(image, objects[here, cell], channels, families))
            if families.granularity and present[1, cell]:
                named = _granularity(image, objects[:, cell], present[:, cell], channels, families.granularity)
                _put(values, present, (slice(None), cell), named)
    kinds_of = {name: dict(zip(OBJECTS, found, strict=True)) for name, found in values.items()}
    every = {f"{kind}_{name}": kinds_of[name][kind] for kind in OBJECTS for name in kinds_of}
    return {name: np.where(np.isfinite(found), found, np.nan) for name, found in every.items() if is_kept(name)}


def _put(values: Values, present: np.ndarray, where: Any, named: Named) -> None:
    """Write values of some objects, given by their kinds and cells, into (3, n) arrays that start as NaN."""
    for name, found in named:
        values.setdefault(name, np.full(present.shape, np.nan))[where] = found


def _on_a_sheet(
    images: np.ndarray, objects: np.ndarray, present: np.ndarray, channels: tuple[str, ...], families: Families
) -> Named:
    """Measure every object of every cell at once, each on a tile of its own: what is seen is an object's own pixels."""
    labels = (objects * (present.cumsum().reshape(present.shape) * present)[..., None, None]).astype(np.int32)
    labels = labels.reshape(-1, labels.shape[-1])
    sheets = [np.tile(images[:, number].reshape(-1, labels.shape[1]), (len(OBJECTS), 1)) for number in range(len(channels))]
    for function in families.shape:
        yield from ((of_shape(key), found) for key, found in function(labels, None).items())
    for channel, pixels in zip(channels, sheets, strict=True):
        for function in families.texture:
            yield from ((of_texture(key, channel), found) for key, found in function(labels, pixels).items())
    for (first, one), (second, other) in itertools.combinations(zip(channels, sheets, strict=True), 2):
        for function in families.pair:
            measured = function(pixels_1=one, pixels_2=other, masks=labels)
            yield from ((of_pair(key, first, second), np.asarray(found)) for key, found in measured.items())


def _in_a_frame(image: np.ndarray, objects: np.ndarray, channels: tuple[str, ...], families: Families) -> Named:
    """Measure disjoint objects (k, H, W) of one cell where they lie in their crop."""
    labels = _labelled(objects)
    for function in families.framed_shape:
        yield from ((of_shape(key), found) for key, found in function(labels, None).items())
    for channel, pixels in zip(channels, image, strict=True):
        for function in families.framed:
            yield from ((of_channel(key, channel), found) for key, found in function(labels, pixels).items())


def _granularity(
    image: np.ndarray, objects: np.ndarray, present: np.ndarray, channels: tuple[str, ...], spectrum: Measurement
) -> Named:
    """Measure one cell's granularity: (3,) values, the whole cell's from those of its parts.

    A value is a difference of the object's mean intensities relative to its first mean, and means of parts add up.
    """
    parts = [kind for kind in DISJOINT[0] if present[kind]]
    labels, areas = _labelled(objects[parts]), objects[parts].sum(axis=(1, 2))
    least = np.finfo(float).eps  # the least first mean, as CellProfiler has it
    for channel, pixels in zip(channels, image, strict=True):
        sums = np.array([pixels[objects[part]].sum() for part in parts])
        weights = np.maximum(sums, areas * least) / max(sums.sum(), areas.sum() * least)
        for key, found in spectrum(labels, pixels).items():
            every = np.full(len(OBJECTS), np.nan)
            every[parts], every[1] = found, found @ weights
            yield of_channel(key, channel), every


def _labelled(objects: np.ndarray) -> np.ndarray:
    """(H, W) int32 labels 1 to k of disjoint objects (k, H, W)."""
    return (objects * np.arange(1, len(objects) + 1)[:, None, None]).sum(axis=0, dtype=np.int32)
