"""Compose drawn cells into fields of view, and label what of each cell is seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cytobench.datasets.simulated.drawing import Drawing


class Scene(NamedTuple):
    """The fields of a well before any optics."""

    intensities: np.ndarray
    """(fields, 3, height, width) float32."""
    cells: np.ndarray
    """(fields, height, width) uint16: 0 where no cell is, else the label of the cell seen there, from 1 in each field."""
    nuclei: np.ndarray
    """the same, where the cell's nucleus is seen."""
    label: np.ndarray
    """(drawn cells,), 0 for a cell of which nothing is seen."""


def compose(drawing: Drawing, field: np.ndarray, places: np.ndarray, shape: tuple[int, int, int]) -> Scene:
    """Lay cells into fields, each over those before it.

    Args:
        drawing: the cells, the lowest first.
        field: (cells,), the field of each, from 0.
        places: (cells, 2), x and y of their nuclei in px.
        shape: fields, height and width.
    """
    where, seen = _where(drawing, field, places, shape)
    owner, kind = drawing.pixels.cell[seen], drawing.kind[seen]
    body, fringe = np.flatnonzero(kind > 0), np.flatnonzero(kind == 0)
    intensities = np.zeros((3, np.prod(shape)), np.float32)
    for canvas, values in zip(intensities, drawing.intensities, strict=True):
        np.maximum.at(canvas, where[fringe], values[seen[fringe]])
        canvas[where[body]] = values[seen[body]]  # of several assignments to a pixel, the last counts
    cell, nucleus = np.full(np.prod(shape), -1), np.zeros(np.prod(shape), bool)
    cell[where[body]], nucleus[where[body]] = owner[body], kind[body] == 2
    label = _labels(np.bincount(cell[cell >= 0], minlength=len(field)) > 0, field)
    labelled = np.append(label, 0).astype(np.uint16)[cell].reshape(shape)
    nuclei = labelled * nucleus.reshape(shape)
    return Scene(intensities.reshape(3, *shape).swapaxes(0, 1), labelled, nuclei, label)


def _where(drawing: Drawing, field: np.ndarray, places: np.ndarray, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices of the drawn pixels that lie within their fields, and which of the drawn pixels these are."""
    pixels = drawing.pixels
    x, y = (pixels.each(places[:, axis]) + offset for axis, offset in enumerate((pixels.x, pixels.y)))
    seen = np.flatnonzero((x >= 0) & (x < shape[2]) & (y >= 0) & (y < shape[1]))
    rows = field[pixels.cell[seen]] * shape[1] + y[seen].astype(np.int64)
    return rows * shape[2] + x[seen].astype(np.int64), seen


def _labels(seen: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Number the cells that are seen, from 1 in each field, in the order they were laid."""
    label = np.zeros(len(field), np.int64)
    for one in np.unique(field):
        rows = np.flatnonzero(seen & (field == one))
        label[rows] = np.arange(1, len(rows) + 1)
    return label
