"""A picture of how even paths are, and how near to cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cytobench.figures import COLOURS, NEUTRAL, clean, head, save_figure
from cytobench.phenotypes.interpolation.interpolation import CROSS_FADE
from cytobench.phenotypes.interpolation.smoothness_record import Smoothness
from cytobench.results.measures import Measure

STYLES = ("--", ":")
"""Of the controls' lines."""

LINES = {"linear": COLOURS[0], "spherical": COLOURS[2], CROSS_FADE: COLOURS[1]}


def draw_smoothness(measured: Smoothness, target: Path) -> None:
    """Draw each step's length, and each place's distance from the nearest cell, with 95% intervals, as PNG."""
    figure = Figure(figsize=(10.5, 4.4), layout="constrained")
    noun = "codes" if measured.space == "latent" else "noise"
    head(figure, f"{measured.title}: paths through {noun}")
    steps, cells = figure.subplots(1, 2)
    places = np.array(measured.places)
    for path in measured.paths:
        _line(steps, (places[:-1] + places[1:]) / 2, path.steps, path.path)
        _line(cells, places, path.nearest, path.path)
    for control, style in zip(measured.controls, STYLES, strict=True):
        cells.axhline(control.nearest.value or 0.0, color=NEUTRAL, ls=style, label=f"{control.name} {control.nearest.value:.2f}")
    steps.set_title("length of each step in features", loc="left")
    steps.set_ylabel("relative to the straight way between the ends")
    _finish(steps, "straight and even", len(measured.paths))
    cells.set_title(f"distance from the nearest {measured.kind} cell", loc="left")
    cells.set_ylabel("relative to that between cells")
    _finish(cells, f"{measured.kind} cells", len(measured.controls))
    figure.supxlabel(_caption(measured), x=0.01, ha="left", color="#4d4d4d", fontsize=9, parse_math=False)
    save_figure(figure, target)


def _line(axes: Axes, places: np.ndarray, values: Sequence[Measure], path: str) -> None:
    axes.plot(places, [value.value or 0.0 for value in values], "o-", color=LINES[path], ms=4, lw=1.5, label=path)
    known = [value.low is not None for value in values]
    if all(known):
        low, high = ([getattr(value, end) for value in values] for end in ("low", "high"))
        axes.fill_between(places, low, high, color=LINES[path], alpha=0.2, lw=0)


def _finish(axes: Axes, meaning: str, named: int) -> None:
    """Draw the level 1, and a legend of the last ``named`` lines and of it."""
    axes.axhline(1, color="black", lw=0.8, label=f"{meaning} 1")
    axes.set(xlabel="place along the path", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    axes.legend(handles=axes.get_lines()[-named - 1 :], loc="lower left", ncols=2, frameon=False)
    clean(axes)


def _caption(measured: Smoothness) -> str:
    others = "the two that a path runs between left out; " if measured.space == "latent" else ""
    cells = f"{measured.neighbours:,} {measured.kind} cells"
    reason = measured.paths[0].midpoint.reason
    intervals = f"No intervals: {reason}" if reason else "Bands are 95% bootstrap intervals"
    return (
        f"{measured.pairs} pairs. {intervals}.\n"
        f"Features: {measured.features}. Input: {measured.seen}.\n"
        f"Nearest of {cells}; {others}1 is their median distance from the nearest of each other.\n"
        "A cross-fade is the weighted mean of the pixels of a path's end images."
    )
