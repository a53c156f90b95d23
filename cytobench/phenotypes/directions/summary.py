"""A picture of the directions of a model: what each changes, beside how well noise predicts its property."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cytobench.figures import head, save_figure
from cytobench.phenotypes.anatomy.measuring import property_title
from cytobench.phenotypes.directions.figures import number_of, varied_text, write_caption
from cytobench.phenotypes.directions.report import DirectionReport, DirectionsReport, Walk
from cytobench.phenotypes.pictures import legend
from cytobench.results.measures import Measure
from cytobench.results.tables import measure_text

NOTE = 135
"""Characters of a line below the picture."""


def draw_summary(target: Path, report: DirectionsReport, channels: tuple[str, ...]) -> None:
    """Draw the table of the directions; arguments as of ``draw_walk``."""
    walks = [one for one in report.directions if one.walk is not None]
    if not walks:
        return
    names = [effect.property for effect in walks[0].walk.effects] if walks[0].walk else []
    figure = Figure(figsize=(10.5, 3.2 + 0.75 * (len(walks) + 1)), layout="constrained")
    head(figure, f"{report.title}\nDirections in noise space, and what they change")
    axes = figure.add_subplot()
    rows = [*((one.walk, _label(one)) for one in walks), (walks[0].random, "one random direction")]
    shown = [[_change(walk, name) for name in names] for walk, _ in rows if walk is not None]
    values = np.array([[number_of(change.value) for change in row] for row in shown])
    picture = axes.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if abs(value) > 0.65 else "black"
        axes.text(column, row, _change_text(shown[row][column]), ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(names)), [property_title(name) for name in names])
    axes.set_yticks(range(len(rows)), [label for _, label in rows])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(picture, ax=axes, label="change a step, SD of the property", extend="both")
    write_caption(
        figure,
        NOTE,
        "A row is a direction; a column what a step of one standard deviation (SD) of the noise along it changes, in SD of that "
        "property over the generated cells that are regressed on. Below: its 95% interval over starts.",
        "R²: of noise left out of the regression; none where it is not shown to be better than the mean. Of the data's SD: how "
        "varied the property is in generated cells, that in cells of the data being 1.",
        f"Channels: {legend(channels)}. {report.under}.",
        *report.notes,
    )
    save_figure(figure, target)


def _label(one: DirectionReport) -> str:
    return f"{property_title(one.property)}\nR² {measure_text(one.r2)}{'' if one.found else ', none'}\n{varied_text(one)}"


def _change(walk: Walk, name: str) -> Measure:
    return next(effect.change for effect in walk.effects if effect.property == name)


def _change_text(change: Measure) -> str:
    if change.value is None:
        return "-"
    return f"{change.value:+.2f}" + ("" if change.low is None else f"\n{change.low:+.2f} to {change.high:+.2f}")
