"""A picture of a direction in noise space: cells from less to more, what was meant to change, and what changes with it."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cytobench.figures import COLOURS, NEUTRAL, clean, head, save_figure
from cytobench.imaging.crop_masks import dna_channel
from cytobench.phenotypes.anatomy.measuring import property_title
from cytobench.phenotypes.directions.report import DirectionReport, DirectionsReport, Effect, Walk
from cytobench.phenotypes.directions.series import Walked
from cytobench.phenotypes.pictures import GAP, SCALING, composites, grid, legend, single_channel, stain_of
from cytobench.results.tables import measure_text

ALONG, BESIDE, RANDOM = COLOURS[1], COLOURS[0], NEUTRAL
"""The property that the direction is of, the other properties, and the random direction."""

STEP = "steps along the direction, standard deviations of the noise"
NOTE = 180
"""Characters of a line below a picture."""
ZOOM = 4
"""Pixels of the picture to one of a cell."""


def draw_walk(target: Path, walked: Walked, report: DirectionsReport, channels: tuple[str, ...]) -> None:
    """Draw one direction: rows of cells from less to more over the measured property and all side effects.

    Args:
        target: a ``.png`` file.
        walked: the direction; it must have been walked.
        report: of all directions of the model.
        channels: of the images.
    """
    one = walked.report
    assert walked.images is not None and one.walk is not None and one.random is not None
    figure = Figure(figsize=(14, 8.6), layout="constrained")
    found = (
        ""
        if one.found
        else "\nNO DIRECTION: noise left out of the regression is not shown to be predicted better than by the mean"
    )
    held = f"{property_title(one.property)}: direction in noise space, held-out R² {measure_text(one.r2)}; {varied_text(one)}"
    head(figure, f"{report.title}\n{held}{found}")
    places = figure.add_gridspec(2, 2, height_ratios=(1.25, 1))
    channel, alone = shown_alone(one.property, channels)
    every, shape = walked.images.reshape(-1, *walked.images.shape[2:]), walked.images.shape
    _draw_cells(figure.add_subplot(places[0, 0]), composites(every, channels), shape, report.steps, legend(channels))
    _draw_cells(figure.add_subplot(places[0, 1]), single_channel(every, channel), shape, report.steps, alone)
    _draw_curve(figure.add_subplot(places[1, 0]), one.property, one.unit, report.steps, one.walk, one.random)
    _draw_effects(figure.add_subplot(places[1, 1]), one.property, one.walk, one.random)
    write_caption(figure, NOTE, f"Rows: the first {shape[0]} starts; {SCALING}. {report.under}.", *report.notes)
    save_figure(figure, target)


def write_caption(figure: Figure, width: int, *lines: str) -> None:
    """Write lines of at most ``width`` characters below a figure."""
    told = "\n".join(fill(line, width) for line in lines)
    figure.supxlabel(told, fontsize=8.5, color="#4d4d4d", x=0.01, ha="left", parse_math=False)


def shown_alone(name: str, channels: tuple[str, ...]) -> tuple[int, str]:
    """The channel that shows a property, and what stands over it alone."""
    if name != "nucleus-area":
        channel = next(number for number, each in enumerate(channels) if stain_of(each) == name.split("-")[0])
        return channel, f"{channels[channel]} alone, grey"
    channel = dna_channel(channels)
    unknown = "" if stain_of(channels[channel]) == "dna" else "; no channel is named after DNA, so nuclei are looked for here"
    return channel, f"{channels[channel]} alone, grey{unknown}"


def _draw_cells(axes: Axes, pictures: np.ndarray, shape: tuple[int, ...], steps: tuple[float, ...], title: str) -> None:
    """Put pictures (starts x steps, H, W, 3) side by side, a row a start."""
    starts, count, _, height, width = shape
    axes.imshow(grid(pictures, count, ZOOM), interpolation="nearest")
    axes.set_xticks([(number + 0.5) * width * ZOOM + number * GAP for number in range(count)], [f"{step:.3g}" for step in steps])
    middles = [(number + 0.5) * height * ZOOM + number * GAP for number in range(starts)]
    axes.set_yticks(middles, [str(number + 1) for number in range(starts)])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set(xlabel=f"less to more: {STEP}", ylabel="start")


def _draw_curve(axes: Axes, name: str, unit: str, steps: tuple[float, ...], walk: Walk, random: Walk) -> None:
    for one, colour, label in ((random, RANDOM, "one random direction"), (walk, ALONG, "this direction")):
        values = np.array([[number_of(m.value), number_of(m.low), number_of(m.high)] for m in one.curve])
        axes.fill_between(steps, values[:, 1], values[:, 2], color=colour, alpha=0.2, lw=0)
        axes.plot(steps, values[:, 0], "o-", color=colour, lw=1.8, ms=4, label=label)
    fewest = min(point.n for point in walk.curve)
    axes.set_title(f"{property_title(name)}, mean of at least {fewest} starts, 95% band", loc="left", fontsize=11)
    axes.set(xlabel=STEP, ylabel=f"{property_title(name)} ({unit})")
    axes.legend(frameon=False, fontsize=9)
    clean(axes)


def _draw_effects(axes: Axes, name: str, walk: Walk, random: Walk) -> None:
    for effects, offset, colours in ((walk.effects, 0.13, (ALONG, BESIDE)), (random.effects, -0.2, (RANDOM, RANDOM))):
        for row, effect in enumerate(reversed(effects)):
            _draw_effect(axes, effect, row + offset, colours[effect.property != name])
    axes.axvline(0, color="#9aa3b2", lw=1)
    axes.set_yticks(range(len(walk.effects)), [property_title(effect.property) for effect in reversed(walk.effects)])
    axes.set_title("What changes a step (grey: one random direction)", loc="left", fontsize=11)
    axes.set_xlabel("standard deviations of the property, 95% interval")
    clean(axes)


def _draw_effect(axes: Axes, effect: Effect, height: float, colour: str) -> None:
    change = effect.change
    if change.value is None:
        axes.text(0, height, " not measured", va="center", fontsize=8, color=colour)
        return
    axes.plot([number_of(change.low), number_of(change.high)], [height, height], color=colour, lw=2.5, solid_capstyle="butt")
    axes.plot(change.value, height, "o", color=colour, ms=6)


def varied_text(one: DirectionReport) -> str:
    """How varied generated cells are in a property."""
    return "" if one.variety is None else f"SD {one.variety:.2g} of the data's"


def number_of(value: float | None) -> float:
    """A value, NaN where there is none."""
    return np.nan if value is None else value
