"""A board as a picture: every method's headline score with its interval."""

from __future__ import annotations

import io
from collections.abc import Sequence
from textwrap import shorten

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cytobench.boards.rows import Board, BoardRow
from cytobench.figures import COLOURS

LONGEST_NAME = 48
"""Characters; a recipe with many changes would leave no room for the scores."""

METHOD, CONTROL = COLOURS[0], "#8a8a8a"
"""Colours of methods and of controls."""


def draw_board(board: Board) -> str:
    """Return an SVG: the headline NSC (dot) with its interval (thick line) and the range over the panel (thin line)."""
    rows = [row for row in board.rows if row.headline.nsc is not None]
    figure = Figure(figsize=(9, 1.3 + 0.36 * max(len(rows), 1)), layout="constrained")
    axes = figure.subplots()
    for height, row in enumerate(rows):
        _draw_row(axes, height, row)
    axes.set(
        xlim=(0, 1), ylim=(len(rows) - 0.4, -0.6), xlabel="NSC; dot: headline, thick: 95% interval, thin: range over the panel"
    )
    label_rows(axes, [row.name for row in rows])
    title = f"{'SIMULATED: ' if board.simulated else ''}{board.dataset}, {board.benchmark}, {board.headline}"
    axes.set_title(title, loc="left", parse_math=False)  # a name may hold any character
    axes.grid(axis="x", alpha=0.3)
    return as_svg(figure)


def label_rows(axes: Axes, names: Sequence[str]) -> None:
    """Write the rows' names, from the top, beside them; a name may hold any character."""
    axes.set_yticks(range(len(names)), [shorten(name, LONGEST_NAME, placeholder=" ...") for name in names], parse_math=False)


def as_svg(figure: Figure) -> str:
    """Return a figure as SVG; equal figures give equal texts."""
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "cytobench", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _draw_row(axes: Axes, height: int, row: BoardRow) -> None:
    colour = CONTROL if row.kind == "control" else METHOD
    nsc = row.headline.nsc
    assert nsc is not None and row.panel_low is not None and row.panel_high is not None  # draw_board leaves out the others
    axes.plot([row.panel_low, row.panel_high], [height, height], color=colour, lw=1)
    axes.plot([nsc.low, nsc.high], [height, height], color=colour, lw=4, alpha=0.45, solid_capstyle="butt")
    axes.plot(nsc.value, height, "o", color=colour)
