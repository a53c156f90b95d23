"""What is recorded of how even paths are, and how near to cells."""

from __future__ import annotations

from typing import Literal

from cytobench.results.measures import Measure
from cytobench.schema import Record


class PathRecord(Record):
    """One kind of path over all pairs; intervals are 95% bootstrap intervals over noise, or over the cells at the ends."""

    path: str
    relative_length: Measure
    """Length of the path in features, divided by the distance of its ends."""
    length_ratio: Measure | None
    """Its length divided by the cross-fade's of that pair, geometric mean; below 1 it is shorter. None of the cross-fade."""
    midpoint: Measure
    """Feature distance of the image midway from the nearest cell of the store, divided by ``neighbour_distance``."""
    midpoint_ratio: Measure | None
    """That distance divided by the cross-fade's of the same pair, geometric mean; below 1 it is nearer to cells."""
    steps: tuple[Measure, ...]
    """Each step's feature distance times the number of steps, divided by the distance of the ends."""
    nearest: tuple[Measure, ...]
    """The distance from the nearest cell at each place along the path, as ``midpoint``."""


class Control(Record):
    """An image that is no cell: where it is as near to cells as a path is, being near to cells says nothing of the path."""

    name: str
    nearest: Measure
    """Its distance from the nearest of the same cells, as ``PathRecord.midpoint``."""


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
    controls: tuple[Control, ...]
    """The black image and the pixel-wise mean of these cells."""
    warnings: tuple[str, ...] = ()
