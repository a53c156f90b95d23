"""The sensitivity map of one data set as a picture."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from cytobench.boards.figures import CONTROL, METHOD, as_svg, label_rows
from cytobench.boards.maps import MapRow, SensitivityMap
from cytobench.figures import COLOURS
from cytobench.results.tables import METRICS as NAMES
from cytobench.sensitivity.declaration import METRICS, Metric

REFERENCE = COLOURS[1]
"""Colour of the reference."""


def draw_map(drawn: SensitivityMap) -> str:
    """Return an SVG: each method's scores under every post-processing, the range of all combinations, and the reference."""
    apart = ConstrainedLayoutEngine(wspace=0.06)  # the last tick label of a panel is clear of the first of the next
    figure = Figure(figsize=(13, 1.7 + 0.36 * max(len(drawn.rows), 1)), layout=apart)
    panels = figure.subplots(1, len(METRICS), sharey=True)
    controls = " (grey: controls)" if any(row.record.kind == "control" for row in drawn.rows) else ""
    for axes, metric in zip(panels, METRICS, strict=True):
        for height, row in enumerate(drawn.rows):
            _draw_row(axes, height, row, metric, drawn.declaration.postprocessings)
        axes.set(xlim=(0, 1), ylim=(len(drawn.rows) - 0.4, -0.6), xlabel=f"{NAMES[metric]}{controls}")
        axes.grid(axis="x", alpha=0.3)
    label_rows(panels[0], [row.name for row in drawn.rows])
    panels[0].set_title(f"{drawn.dataset}, {drawn.benchmark}: the same profiles, other protocols", loc="left", parse_math=False)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return as_svg(figure)


def _draw_row(axes: Axes, height: int, row: MapRow, metric: Metric, postprocessings: tuple[str, ...]) -> None:
    colour = CONTROL if row.record.kind == "control" else METHOD
    extent, reference = row.record.extent(metric), row.score(metric)
    if extent is not None:
        quantiles = extent.quantiles
        axes.plot([extent.low, extent.high], [height, height], color=colour, lw=1)
        axes.plot([quantiles["25%"], quantiles["75%"]], [height, height], color=colour, lw=6, alpha=0.3, solid_capstyle="butt")
    found = [score.value for name in postprocessings if (score := row.score(metric, postprocessing=name)) is not None]
    axes.plot(found, [height] * len(found), "o", color=colour, ms=4, alpha=0.8, mec="none")
    if reference is not None:
        axes.plot(reference.value, height, "D", color=REFERENCE, ms=7, mfc="none", mew=1.4)


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color=METHOD, lw=1, label="all combinations"),
        Line2D([], [], color=METHOD, lw=6, alpha=0.3, label="their middle half"),
        Line2D([], [], color=METHOD, marker="o", ls="", ms=4, alpha=0.8, label="one post-processing each"),
        Line2D([], [], color=REFERENCE, marker="D", ls="", ms=7, mfc="none", mew=1.4, label="reference"),
    ]
