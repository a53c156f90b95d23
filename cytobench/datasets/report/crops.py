"""A few crops of every treatment, all brightened alike, so that what differs between treatments stays visible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cytobench.datasets.layout import CONTROL
from cytobench.datasets.report.pictures import Picture, side_by_side, write_picture
from cytobench.datasets.report.screen import Screen
from cytobench.imaging.overlay import coloured
from cytobench.schema import Record

CROPS = 10
"""Shown of a treatment."""

CROPS_OF_MANY, MANY_TREATMENTS = 6, 200
"""Shown of each where there are more treatments than this, so that the report does not grow with them."""

LIMIT_CELLS = 100
"""Cells of a plate, evenly spaced in the store, that its percentiles are taken from."""

PERCENTILES = (1.0, 99.0)
"""Of a plate's pixels, channel by channel, that are shown black and full: dying cells are far brighter than the others."""

SEED = 0
"""The choice is random, and the same each time."""


class Limits(Record):
    """The pixel values of a plate that are shown black and full, channel by channel."""

    plate: str
    low: tuple[float, ...]
    high: tuple[float, ...]


class Treatment(Record):
    """A treatment's cells."""

    compound: str
    concentration: float
    cells: int
    wells: int
    picture: Picture


class Treatments(Record):
    """All treatments, the control first, and how their crops were brightened."""

    rows: tuple[Treatment, ...]
    limits: tuple[Limits, ...]
    shown: int
    """Crops shown of each treatment at most."""


def draw_treatments(screen: Screen, folder: Path) -> Treatments:
    """Draw a row of crops of every treatment; only the chosen crops and those for the percentiles are read."""
    limits = [_limits(screen, plate, np.flatnonzero(screen.cells["plate"] == plate)) for plate in screen.plates]
    known = {one.plate: one for one in limits if one is not None}
    shown, chosen = _choose(screen)
    wells = dict(list(screen.wells.groupby(["compound", "concentration"])["cells"]))
    rows = []
    for number, key in enumerate(sorted(chosen, key=_control_first)):
        compound, concentration = key
        pixels = side_by_side([_crop(screen, row, known) for row in chosen[key]])
        picture = write_picture(
            folder, "crops", number, pixels, f"{compound} {concentration:g}", note=_wells_of(screen, chosen[key])
        )
        counts = {"cells": wells[key].sum(), "wells": len(wells[key])}
        rows.append(Treatment(compound=compound, concentration=concentration, picture=picture, **counts))
    return Treatments(rows=tuple(rows), limits=tuple(known.values()), shown=shown)


def _choose(screen: Screen) -> tuple[int, dict[tuple[str, float], pd.Index]]:
    """Choose crops of each treatment: how many at most, and their rows."""
    shuffled = screen.cells[["compound", "concentration"]].reset_index(drop=True).sample(frac=1, random_state=SEED)
    groups: dict[Any, pd.Index] = shuffled.groupby(["compound", "concentration"]).groups
    shown = CROPS if len(groups) <= MANY_TREATMENTS else CROPS_OF_MANY
    return shown, {treatment: rows[:shown] for treatment, rows in groups.items()}


def _control_first(treatment: tuple[str, float]) -> tuple[bool, str, str, float]:
    compound, concentration = treatment
    return compound != CONTROL, compound.casefold(), compound, concentration


def _limits(screen: Screen, plate: str, rows: np.ndarray) -> Limits | None:
    if not len(rows):
        return None
    images = screen.store.images(rows[np.unique(np.linspace(0, len(rows) - 1, LIMIT_CELLS).astype(int))])
    low, high = np.percentile(images.transpose(1, 0, 2, 3).reshape(images.shape[1], -1), PERCENTILES, axis=1)
    return Limits(plate=plate, low=tuple(low.tolist()), high=tuple(high.tolist()))


def _crop(screen: Screen, row: int, limits: dict[str, Limits]) -> np.ndarray:
    """Show up to three channels of a cell in colours, between its plate's limits: (H, W, 3) uint8."""
    plate = limits[screen.cells["plate"].iloc[row]]
    return coloured(screen.store.images(np.array([row]))[0], plate.low, plate.high)


def _wells_of(screen: Screen, rows: pd.Index) -> str:
    plates, wells = (screen.cells[column].iloc[rows] for column in ("plate", "well"))
    return ", ".join(f"{plate} {well}" for plate, well in zip(plates, wells, strict=True))
