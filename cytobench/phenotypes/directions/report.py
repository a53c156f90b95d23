"""What is written of the directions of a model."""

from __future__ import annotations

from typing import Literal

from cytobench.results.measures import Measure
from cytobench.schema import Record


class Effect(Record):
    """What a step of one standard deviation of the noise does to one property."""

    property: str
    change: Measure
    """In standard deviations of the property over generated cells: the slope over the whole walk, averaged over starts."""


class Walk(Record):
    """One direction walked from several starts."""

    curve: tuple[Measure, ...]
    """The property at each step, its mean over starts."""
    effects: tuple[Effect, ...]
    without_nucleus: tuple[float, ...]
    """Share of images at each step in which no nucleus is found; they are left out."""


class DirectionReport(Record):
    """One property: whether the noise space has a direction for it, and what walking there does."""

    property: str
    unit: str
    r2: Measure
    """Of the ridge regression on the noise, for noise left out of it."""
    variety: float | None
    """Standard deviation of the property over generated cells, that over cells of the store being 1.

    Where all cells are nearly alike a direction changes little, however well it is predicted.
    """
    found: bool
    verdict: str
    spread: float | None
    """Standard deviation of the noise along the direction: the unit of the steps."""
    walk: Walk | None
    random: Walk | None
    """The control: a random direction of the same length from the same starts."""


class DirectionsReport(Record):
    """The directions of one model."""

    schema_version: Literal[1] = 1
    model: str
    title: str
    under: str
    notes: tuple[str, ...]
    """What to know before reading the numbers."""
    steps: tuple[float, ...]
    """In standard deviations of the noise along the direction."""
    directions: tuple[DirectionReport, ...]
    files: tuple[str, ...] = ()
