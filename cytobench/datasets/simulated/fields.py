"""The fields of view of one well: place its cells, draw them, compose and photograph them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from cytobench.datasets.simulated.composing import Scene, compose
from cytobench.datasets.simulated.debris import strew
from cytobench.datasets.simulated.drawing import draw
from cytobench.datasets.simulated.microscope import Batch, photograph
from cytobench.datasets.simulated.parameters import ScreenParameters
from cytobench.datasets.simulated.placement import place
from cytobench.datasets.simulated.traits import STATES


class Facts(NamedTuple):
    """What is known of a field beside its cells."""

    out_of_focus: bool
    defocus: float
    """standard deviation of the blur out of focus, px."""
    specks: int
    dust: int
    cells: int
    """of which something is seen."""


class Field(NamedTuple):
    """One field of view and the truth about it."""

    site: int
    image: np.ndarray
    """(3, height, width) uint16, 12-bit counts times 16."""
    cells: np.ndarray
    """(height, width) uint16 labels."""
    nuclei: np.ndarray
    """(height, width) uint16 labels; ``k`` is the nucleus of cell ``k``."""
    cell_table: pd.DataFrame
    """one row a label: label, x, y, state, cell_area, nucleus_area (px that are seen), at_border."""
    facts: Facts


def draw_well(
    cells: pd.DataFrame, batch: Batch, light: np.ndarray, parameters: ScreenParameters, rng: np.random.Generator
) -> list[Field]:
    """Draw and photograph every field of a well.

    Args:
        cells: the well's, as of ``draw_cells``.
        batch: what the plate's stain and microscope do.
        light: the plate's illumination.
        parameters: the screen's.
        rng: where chance comes from.
    """
    width, height = parameters.field
    lowest_first = cells.assign(site=rng.integers(0, parameters.sites, len(cells))).sort_values(
        "cell_radius", ascending=False, kind="stable"
    )
    site, places = lowest_first.site.to_numpy(), np.empty((len(cells), 2))
    for one in range(parameters.sites):
        rows = rng.permutation(np.flatnonzero(site == one))
        places[rows] = place(lowest_first.iloc[rows], parameters, rng)
    scene = compose(draw(lowest_first, rng), site, places, (parameters.sites, height, width))
    found = lowest_first.assign(x=places[:, 0].astype(int), y=places[:, 1].astype(int), label=scene.label)
    return [_photograph(scene, found[found.site == one], one, batch, light, parameters, rng) for one in range(parameters.sites)]


def _photograph(
    scene: Scene,
    cells: pd.DataFrame,
    site: int,
    batch: Batch,
    light: np.ndarray,
    parameters: ScreenParameters,
    rng: np.random.Generator,
) -> Field:
    optics, labels, nuclei = parameters.optics, scene.cells[site], scene.nuclei[site]
    specks, dust = strew(scene.intensities[site], parameters.debris, rng)
    blurred, amount = rng.random() < optics.out_of_focus, rng.uniform(*optics.defocus)
    defocus = float(amount) if blurred else 0.0
    image = photograph(scene.intensities[site], batch, light, defocus, optics, rng)
    table = _cell_table(cells, labels, nuclei)
    return Field(site + 1, image, labels, nuclei, table, Facts(blurred, round(defocus, 2), specks, dust, len(table)))


def _cell_table(cells: pd.DataFrame, labels: np.ndarray, nuclei: np.ndarray) -> pd.DataFrame:
    """What is true of each labelled cell, in the order of the labels."""
    seen = cells[cells.label > 0]
    areas = {
        name: np.bincount(found.ravel(), minlength=len(seen) + 1)[1:] for name, found in (("cell", labels), ("nucleus", nuclei))
    }
    return pd.DataFrame(
        {
            "label": seen.label,
            "x": seen.x,
            "y": seen.y,
            "state": np.array(STATES)[seen.state],
            "cell_area": areas["cell"],
            "nucleus_area": areas["nucleus"],
            "at_border": seen.at_border,
        }
    )
