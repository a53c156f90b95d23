"""What is recorded of how even paths are, and how near to cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from cytobench.results.measures import Measure
from cytobench.schema import Record

RESAMPLES = 2000
"""Bootstrap resamples of pairs."""


class PathRecord(Record):
    """One kind of path over all pairs; intervals are 95% bootstrap intervals over pairs."""

    path: str
    relative_length: Measure
    """Length of the path in features, divided by the distance of its ends."""
    length_ratio: Measure | None
    """Its length divided by the cross-fade's of that pair, geometric mean; below 1 it is shorter. None of the cross-fade."""
    largest_step: Measure
    """The largest step divided by the mean step: 1 where images change evenly, more where they jump."""
    midpoint: Measure
    """Feature distance of the image midway from the nearest cell of the store, divided by ``neighbour_distance``."""
    midpoint_ratio: Measure | None
    """That distance divided by the cross-fade's of the same pair, geometric mean; below 1 it is nearer to cells."""
    steps: tuple[Measure, ...]
    """Each step's feature distance times the number of steps, divided by the distance of the ends."""
    nearest: tuple[Measure, ...]
    """The distance from the nearest cell at each place along the path, as ``midpoint``."""


class Smoothness(Record):
    """How even a model's paths are and how near to cells, beside cross-fades."""

    schema_version: Literal[1] = 1
    model: str
    title: str
    seen: str
    space: Literal["noise", "latent"]
    features: str
    """The feature space of all distances."""
    pairs: int
    left_out: int
    """Pairs whose two end images have equal features, so that nothing lies between."""
    places: tuple[float, ...]
    kind: Literal["real", "simulated"]
    neighbours: int
    """Cells of the store among which the nearest was looked for; never one of the two that a path runs between."""
    neighbour_distance: float
    """Median feature distance of these cells from their nearest among themselves: the unit of all distances from cells."""
    paths: tuple[PathRecord, ...]
    warnings: tuple[str, ...] = ()


def mean_of(values: np.ndarray, *, geometric: bool = False) -> Measure:
    """Return the mean of a value of each pair (P,) with its 95% percentile bootstrap interval over pairs, by a fixed seed."""
    mean: Callable[[np.ndarray], np.ndarray] = (lambda part: np.exp(np.log(part).mean(axis=-1))) if geometric else _mean
    if len(values) < 2:
        return Measure(value=float(mean(values)), n=len(values), reason="one pair has no interval; compare more")
    drawn = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(mean(values[drawn]), [2.5, 97.5])
    return Measure(value=float(mean(values)), low=float(low), high=float(high), n=len(values))


def _mean(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.mean(axis=-1))
