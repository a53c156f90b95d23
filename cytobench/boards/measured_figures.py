"""A board of models as a picture: a panel a measure, a line a model, floor and ceiling drawn through."""

from __future__ import annotations

from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cytobench.boards.figures import CONTROL, METHOD, as_svg, label_rows
from cytobench.boards.measured import MeasuredBoard
from cytobench.figures import clean, head
from cytobench.results.measures import Column, Line, Measure

COLUMNS = 4
"""Panels beside each other."""

REFERENCES = {"floor": ("#3d7a45", "--"), "ceiling": ("#b3261e", ":"), "control": ("#656b73", "-.")}
"""Colour and dashes of each role."""


def draw_measured(board: MeasuredBoard) -> str:
    """Return an SVG: of every measure each model's number with its interval, beside floor, ceiling and controls."""
    shown = [column for column in board.columns if any(_measure(row.line, column).value is not None for row in board.rows)]
    across = min(COLUMNS, max(len(shown), 1))
    down = -(-max(len(shown), 1) // across)
    height = 0.55 + 0.27 * len(board.rows)
    figure = Figure(figsize=(2.2 + 2.6 * across, 0.9 + (height + 0.5) * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharey=True)
    for axes, column in zip(panels.flat, shown, strict=False):
        _draw_panel(axes, board, column)
    for axes in panels.flat[len(shown) :]:
        axes.set_axis_off()
    panels[0, 0].set_ylim(len(board.rows) - 0.4, -0.6)
    for axes in panels[:, 0]:
        label_rows(axes, [row.name for row in board.rows])
    mark = "SIMULATED: " if board.simulated else ""
    head(figure, f"{mark}{board.dataset}, {board.benchmark}")
    handles = [_handle(panels[0, 0], line) for line in board.references]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8)
    return as_svg(figure)


def _draw_panel(axes: Axes, board: MeasuredBoard, column: Column) -> None:
    for place, row in enumerate(board.rows):
        measure, colour = _measure(row.line, column), CONTROL if row.kind == "control" else METHOD
        if measure.low is not None and measure.high is not None:
            axes.plot([measure.low, measure.high], [place, place], color=colour, lw=4, alpha=0.45, solid_capstyle="butt")
        if measure.value is not None:
            axes.plot(measure.value, place, "o", color=colour, ms=5)
    for line in board.references:
        value = _measure(line, column).value
        if value is not None and line.role in REFERENCES:
            colour, dashes = REFERENCES[line.role]
            axes.axvline(value, color=colour, ls=dashes, lw=1.2)
    if column.better == "neither" and axes.get_xlim()[0] < 0 < axes.get_xlim()[1]:
        axes.axvline(0, color=CONTROL, lw=0.8)
    arrow = {"lower": "\nlower is better", "higher": "\nhigher is better", "neither": ""}[column.better]
    title = fill(column.title + (" (headline)" if column.name == board.headline.name else ""), 34)
    axes.set_title(title, loc="left", fontsize=9, parse_math=False)
    axes.set_xlabel(arrow.strip(), fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    clean(axes, "x")


def _handle(axes: Axes, line: Line) -> Line2D:
    colour, dashes = REFERENCES.get(line.role, REFERENCES["control"])
    return axes.plot([], [], color=colour, ls=dashes, lw=1.2, label=f"{line.role}: {line.name}".replace("$", r"\$"))[0]


def _measure(line: Line, column: Column) -> Measure:
    return line.measures.get(column.name, Measure(value=None))
