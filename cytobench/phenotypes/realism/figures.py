"""The picture of every measure of realism, between what other cells of the store and what noise get."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cytobench.figures import COLOURS, NEUTRAL, clean, head, save_figure
from cytobench.results.measures import Column, Line, Measures

OF_ROLE = {"method": COLOURS[1], "floor": COLOURS[0], "ceiling": NEUTRAL}
BETTER = {"lower": "lower is better", "higher": "higher is better", "neither": "the floor's is best"}
SHARES = ("precision", "recall", "coverage", "copied", "authenticity")
"""Columns between 0 and 1, drawn so."""
PANELS = 4
"""Of a row."""


def draw_measures(measures: Measures, path: Path, title: str) -> None:
    """Draw every measure of a model with its interval, beside those of the references.

    Args:
        measures: of one model.
        path: a ``.png`` file.
        title: over the picture; says so where data are simulated.
    """
    lines = (measures.result, *measures.references)
    rows = -(-len(measures.columns) // PANELS)
    figure = Figure(figsize=(15, 1.1 + 2.1 * rows), layout="constrained")
    head(figure, f"{title}: realism\n")
    figure.text(
        0.01, 0.995 - 0.3 / figure.get_figheight(), measures.under, va="top", fontsize=9, color="#444444", parse_math=False
    )
    for number, column in enumerate(measures.columns):
        axes = figure.add_subplot(rows, PANELS, number + 1)
        _draw_column(axes, column, lines, named=number % PANELS == 0)
    save_figure(figure, path)


def _draw_column(axes: Axes, column: Column, lines: tuple[Line, ...], *, named: bool) -> None:
    axes.set_title(column.title, loc="left", fontweight="bold", fontsize=11)
    axes.set_title(BETTER[column.better], loc="right", fontsize=8.5, color="#666666")
    for height, line in enumerate(lines):
        measure, colour = line.measures[column.name], OF_ROLE[line.role]
        if measure.value is None:
            continue
        if measure.low is not None and measure.high is not None:
            axes.plot([measure.low, measure.high], [height, height], color=colour, lw=3, alpha=0.45, solid_capstyle="butt")
        axes.plot(measure.value, height, "o", color=colour, ms=6.5)
        axes.annotate(
            _number(measure.value), (measure.value, height), (0, 7), textcoords="offset points", ha="center", fontsize=9
        )
    if column.name in SHARES:
        axes.set_xlim(-0.09, 1.09)
    axes.set_ylim(len(lines) - 0.5, -0.75)
    axes.set_yticks(range(len(lines)), [line.name if named else "" for line in lines], fontsize=10)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.12)
    clean(axes, "x")
    axes.tick_params(axis="x", labelsize=9)


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.1g}" if value else "0"
