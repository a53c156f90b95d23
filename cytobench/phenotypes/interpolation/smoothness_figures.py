"""A picture of how even paths are, and how near to cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cytobench.files import replacing
from cytobench.phenotypes.interpolation.interpolation import CROSS_FADE
from cytobench.phenotypes.interpolation.smoothness_record import Smoothness
from cytobench.results.measures import Measure
from cytobench.results.training_figures import COLOURS

LINES = {"linear": COLOURS[0], "spherical": COLOURS[2], CROSS_FADE: COLOURS[1]}


def draw_smoothness(measured: Smoothness, target: Path) -> None:
    """Draw each step's length, and each place's distance from the nearest cell, with 95% intervals over pairs, as PNG."""
    figure = Figure(figsize=(10.5, 4.4), layout="constrained")
    noun = "codes" if measured.space == "latent" else "noise"
    figure.suptitle(f"{measured.title}: paths through {noun}", x=0.01, ha="left", fontweight="bold", parse_math=False)
    steps, cells = figure.subplots(1, 2)
    places = np.array(measured.places)
    for path in measured.paths:
        _line(steps, (places[:-1] + places[1:]) / 2, path.steps, path.path)
        _line(cells, places, path.nearest, path.path)
    steps.set_title("length of each step in features", loc="left")
    steps.set_ylabel("relative to the straight way between the ends")
    _level(steps, "straight and even")
    cells.set_title(f"distance from the nearest {measured.kind} cell", loc="left")
    cells.set_ylabel("relative to that between cells")
    _level(cells, f"{measured.kind} cells")
    steps.legend(loc="lower left", ncols=3, frameon=False)
    figure.text(0.01, -0.01, _caption(measured), va="top", color="#4d4d4d", fontsize=9, parse_math=False)
    with replacing(target) as temporary:
        figure.savefig(temporary, dpi=110, bbox_inches="tight")


def _line(axes: Axes, places: np.ndarray, values: Sequence[Measure], path: str) -> None:
    axes.plot(places, [value.value or 0.0 for value in values], "o-", color=LINES[path], ms=4, lw=1.5, label=path)
    known = [value.low is not None for value in values]
    if all(known):
        low, high = ([getattr(value, end) for value in values] for end in ("low", "high"))
        axes.fill_between(places, low, high, color=LINES[path], alpha=0.2, lw=0)


def _level(axes: Axes, meaning: str) -> None:
    axes.axhline(1, color="grey", lw=1, ls=":")
    axes.text(0.99, 1, meaning, ha="right", va="top", color="grey", fontsize=9, transform=axes.get_yaxis_transform())
    axes.set(xlabel="place along the path", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _caption(measured: Smoothness) -> str:
    others = "the two that a path runs between left out; " if measured.space == "latent" else ""
    cells = f"{measured.neighbours:,} {measured.kind} cells"
    return (
        f"{measured.pairs} pairs with 95% bootstrap intervals. Features: {measured.features}. Input: {measured.seen}.\n"
        f"Nearest of {cells}; {others}1 is their median distance from the nearest of each other.\n"
        "A cross-fade is the weighted mean of the pixels of a path's end images."
    )
