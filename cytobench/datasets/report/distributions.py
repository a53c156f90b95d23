"""How a measure is spread on every plate: the odd plate stands out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cytobench.datasets.report.pictures import Picture, picture_name
from cytobench.datasets.report.screen import Screen

GREY, COLOUR = "#80868f", "#3d8fc4"
"""Of text and of spreads: readable on a light and on a dark page."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

DPI = 200
SHOWN_DPI = 100
"""A picture has twice the pixels that it is shown with."""


def draw_distributions(screen: Screen, folder: Path) -> tuple[Picture, ...]:
    """Draw cells a field, areas, focus and smoothness, as far as they are known, a line a plate."""
    sizes = {
        "cells per field": (screen.usable_fields, "cells"),
        "nucleus area (px²)": (screen.cells, "nucleus_area"),
        "cell area (px²)": (screen.cells, "cell_area"),
    }
    figures = {"Cells and their size": {title: where for title, where in sizes.items() if where[1] in where[0]}}
    for what in ("focus", "smoothness"):
        columns = screen.measured(what)
        figures[what.capitalize()] = {f"{what}, {name}": (screen.cells, column) for name, column in columns.items()}
    known = {what: panels for what, panels in figures.items() if panels}
    return tuple(_draw(screen, folder, number, what, panels) for number, (what, panels) in enumerate(known.items()))


def _draw(screen: Screen, folder: Path, number: int, what: str, panels: Mapping[str, tuple[pd.DataFrame, str]]) -> Picture:
    width, height = 2.0 + 2.9 * len(panels), 0.7 + 0.17 * len(screen.plates)
    figure = Figure(figsize=(width, height), layout="constrained")
    every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, (table, column)) in zip(every, panels.items(), strict=True):
        by_plate = table.groupby("plate")[column]
        spread = pd.DataFrame({share: by_plate.quantile(share) for share in QUANTILES}).reindex(list(screen.plates))
        _draw_spread(axes, spread, title)
    every[0].set_yticks(range(len(screen.plates)), screen.plates, parse_math=False)  # a name may hold any character
    every[0].set_ylim(len(screen.plates) - 0.4, -0.6)
    name = picture_name("distribution", number, what)
    figure.savefig(folder / name, dpi=DPI, transparent=True, metadata={"Software": None})
    return Picture(file=name, width=round(width * SHOWN_DPI), height=round(height * SHOWN_DPI), what=what)


def _draw_spread(axes: Axes, spread: pd.DataFrame, title: str) -> None:
    """Draw 5% to 95% as a thin line, the middle half as a thick one, the median as a dot, and the plates' median behind."""
    lines = range(len(spread))
    lowest, lower, median, upper, highest = (spread[share].to_numpy() for share in QUANTILES)
    axes.axvline(spread[0.5].median(), color=GREY, lw=0.8, ls=":")
    axes.hlines(lines, lowest, highest, color=COLOUR, lw=1)
    axes.hlines(lines, lower, upper, color=COLOUR, lw=3.5, alpha=0.55)
    axes.plot(median, lines, "o", color=COLOUR, ms=3.5)
    axes.set_title(title, loc="left", fontsize=9, color=GREY, parse_math=False)
    axes.tick_params(colors=GREY, labelsize=7, left=False)
    axes.grid(axis="x", alpha=0.25)
    axes.spines[:].set_visible(False)
