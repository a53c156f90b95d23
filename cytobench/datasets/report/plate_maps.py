"""Plates as they lie on the bench: a value of every well, in its row and column."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, Literal

import numpy as np
import pandas as pd

from cytobench.datasets.report.colour_scale import ColourScale
from cytobench.datasets.report.screen import Screen
from cytobench.schema import Record

FORMATS = ((8, 12), (16, 24), (32, 48))
"""Rows and columns of plates of 96, 384 and 1,536 wells."""

WELL = re.compile(r"([A-Z]{1,2})(\d{1,2})")

State = Literal["value", "none", "faulty"]
"""Of a well: it has a value; it has images and no cell; it has no usable image."""


class Square(Record):
    """A well on the map."""

    row: int
    column: int
    state: State
    colour: str = ""
    control: bool
    text: str
    """What is shown of the well where the pointer is."""


class PlateMap(Record):
    """A plate's squares; wells that are not among them are not in the store's tables."""

    plate: str
    squares: tuple[Square, ...]


class PlateMaps(Record):
    """The maps of all plates, on one scale; no maps where a well's name does not say where it lies."""

    rows: int
    columns: int
    row_names: tuple[str, ...]
    scale: ColourScale
    maps: tuple[PlateMap, ...]


def cell_maps(screen: Screen) -> PlateMaps | None:
    """Map the cells of every well, from 0 on."""
    return _maps(screen, "cells", ColourScale(low=0, high=float(screen.wells["cells"].max())))


def focus_maps(screen: Screen) -> PlateMaps | None:
    """Map the wells' median focus in the first channel; outliers among the wells do not stretch the scale."""
    known = screen.wells["focus"].dropna()
    if known.empty:
        return None
    low, high = np.percentile(known, (1, 99))
    return _maps(screen, "focus", ColourScale(low=float(low), high=float(high)))


def place(well: str) -> tuple[int, int] | None:
    """Return the row and the column of a well, from 0 on (B03: 1, 2); None where its name is not of that form."""
    match = WELL.fullmatch(well)
    if match is None or match[2].strip("0") == "":
        return None
    row = 0
    for letter in match[1]:
        row = 26 * row + ord(letter) - ord("A") + 1
    return row - 1, int(match[2]) - 1


def _maps(screen: Screen, what: str, scale: ColourScale) -> PlateMaps | None:
    places = {well: place(well) for well in screen.wells["well"].unique()}
    known = [found for found in places.values() if found is not None]
    rows, columns = (max(extent) + 1 for extent in zip(*known, strict=True)) if known else (0, 0)
    fitting = [form for form in FORMATS if rows <= form[0] and columns <= form[1]]
    if len(known) < len(places) or not fitting:
        return None
    maps = [
        PlateMap(plate=str(plate), squares=tuple(_square(well, what, places[well["well"]], scale) for well in _rows(wells)))
        for plate, wells in screen.wells.groupby("plate", sort=False)
    ]
    rows, columns = fitting[0]
    names = tuple(_row_name(row) for row in range(rows))
    return PlateMaps(rows=rows, columns=columns, row_names=names, scale=scale, maps=tuple(maps))


def _rows(wells: pd.DataFrame) -> list[dict[Hashable, Any]]:
    return wells.to_dict("records")


def _square(well: dict[Hashable, Any], what: str, where: tuple[int, int] | None, scale: ColourScale) -> Square:
    assert where is not None  # _maps draws nothing where a place is unknown
    known = {"row": where[0], "column": where[1], "control": well["control"]}
    if well["usable"] == 0:
        return Square(**known, state="faulty", text=f"{well['well']}: no usable image")
    if well["cells"] == 0:
        return Square(**known, state="none", text=f"{well['well']}: no cell")
    treatment = f"{well['compound']} {well['concentration']:g} µM"
    value = f"{well['cells']:,} cells" if what == "cells" else f"focus {well['focus']:.3f}"
    colour = scale.hexadecimal(well[what])
    return Square(**known, state="value", colour=colour, text=f"{well['well']}, {treatment}: {value}")


def _row_name(row: int) -> str:
    return chr(ord("A") + row) if row < 26 else f"A{chr(ord('A') + row - 26)}"
