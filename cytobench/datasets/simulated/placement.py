"""Where cells lie in a field of view: in clumps, touching, with their nuclei apart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cytobench.datasets.simulated.parameters import BEYOND, ScreenParameters

NEARBY, ANYWHERE = 24, 64
"""Places that are tried for each cell: in touch with one that lies already, and anywhere in and around the field."""


def place(cells: pd.DataFrame, parameters: ScreenParameters, rng: np.random.Generator) -> np.ndarray:
    """Find a place for each cell of one field, one after the other.

    A cell that clumps settles in touch with one that lies already, where it is closest to the three cells nearest to it, so that
    islands are compact; any other cell anywhere. Where no place that was tried has room, the roomiest is taken.

    Args:
        cells: one row a cell: ``cell_radius``, ``nucleus_radius``, ``nucleus_elongation`` and ``at_border``.
        parameters: the screen's.
        rng: where chance comes from.

    Returns:
        (cells, 2), x and y of the nuclei in whole px; a cell ``at_border`` is nearer than half a crop to it, or outside.
    """
    bodies = cells.cell_radius.to_numpy()
    nuclei = (cells.nucleus_radius * np.sqrt(cells.nucleus_elongation)).to_numpy()
    clumps = rng.random(len(cells)) < parameters.placement.clumping
    placed = np.empty((len(cells), 2))
    for one, border in enumerate(cells.at_border):
        apart = np.maximum((1 - parameters.placement.overlap) * (bodies[:one] + bodies[one]), 1.1 * (nuclei[:one] + nuclei[one]))
        found = None
        if one and clumps[one]:
            found = _snuggest(_nearby(border, placed[:one], bodies[:one] + bodies[one], parameters, rng), placed[:one], apart)
        placed[one] = _roomiest(_anywhere(border, parameters, rng), placed[:one], apart) if found is None else found
    return placed


def _snuggest(places: np.ndarray, placed: np.ndarray, apart: np.ndarray) -> np.ndarray | None:
    """The place with room that is closest to three cells, if there is one; ``apart`` (placed,) is the distance needed."""
    room = _room(places, placed, apart)
    places, room = (part[(room >= 1).all(axis=1)] for part in (places, room))
    return places[np.sort(room, axis=1)[:, :3].sum(axis=1).argmin()] if len(places) else None


def _roomiest(places: np.ndarray, placed: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """The first place with room, or else the one with most."""
    return places[_room(places, placed, apart).min(axis=1, initial=1.0).argmax()]


def _room(places: np.ndarray, placed: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """The distance from each place to each cell, relative to that needed: (places, placed)."""
    x, y = (np.subtract.outer(places[:, axis], placed[:, axis]) for axis in (0, 1))
    return np.hypot(x, y) / apart


def _anywhere(border: bool, parameters: ScreenParameters, rng: np.random.Generator) -> np.ndarray:
    """At least one place, at the border or not."""
    while True:
        places = rng.integers(-BEYOND, np.asarray(parameters.field) + BEYOND, (ANYWHERE, 2)).astype(float)
        wanted = places[_at_border(places, parameters) == border]
        if len(wanted):
            return wanted


def _nearby(
    border: bool, placed: np.ndarray, reach: np.ndarray, parameters: ScreenParameters, rng: np.random.Generator
) -> np.ndarray:
    """Places in touch with one of the cells that lie already; ``reach`` is the sum of the two radii, (placed,)."""
    other, angle = rng.integers(len(placed)), rng.uniform(0, 2 * np.pi, NEARBY)
    away = reach[other] * rng.uniform(1 - parameters.placement.overlap, 1.05, NEARBY)
    places = np.rint(placed[other] + away[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return places[_at_border(places, parameters) == border]


def _at_border(places: np.ndarray, parameters: ScreenParameters) -> np.ndarray:
    """Whether each place is at the border of the field: 1, or further inside: 0; -1 where it is too far outside."""
    margin, field = parameters.crop // 2, np.asarray(parameters.field)
    inside = ((places >= margin) & (places < field - margin)).all(axis=1)
    near = ((places >= -BEYOND) & (places < field + BEYOND)).all(axis=1)
    return np.where(near, np.where(inside, 0, 1), -1)
