"""One cell in every version, over what each version scores and how far it moves the embedding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from cytobench.figures import COLOURS, NEUTRAL, clean, head, save_figure
from cytobench.phenotypes.channels.cells import ScoredCells
from cytobench.phenotypes.channels.versions import KINDS, Version
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.pictures import SCALING, colours, composites, legend, spoken
from cytobench.results.measures import Line, Measure

GROUPS = {"blanked": "one channel blank", "only": "only one channel", "swapped": "one channel from another cell of the well"}
"""What stands over the versions of each kind."""

INTACT, CONTROL = COLOURS[0], NEUTRAL

GAP = 0.45
"""Between groups of versions, in widths of one."""

BEHIND = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
"""Of a number, so that lines do not run through it."""

DARKER = 0.78
"""Of a stain's colour, for white paper."""


class _Shown(NamedTuple):
    """One version in the picture."""

    at: float
    """From left to right; the cells as they are stand at 0."""
    group: str
    label: str
    colour: str
    measures: dict[str, Measure]


def draw_channels(
    model: Model, cells: ScoredCells, versions: Sequence[Version], result: Line, parts: Sequence[Line], path: Path
) -> None:
    """Draw the first cell that has a partner in every version, and below each version its NSC and its movement.

    Args:
        model: whose cells are shown as it sees them.
        cells: that were measured.
        versions: in the order of ``parts``.
        result: the method's line.
        parts: a line a version, and last the control.
        path: a ``.png`` file.
    """
    shown = _shown(model, versions, result, parts)
    width = shown[-1].at + 1
    figure = Figure(figsize=(1.25 * width + 0.8, 9), layout="constrained")
    head(figure, f"Channels of a cell and their agreement: {model.title}")
    strip, scores, moved = figure.subplots(3, 1, sharex=True, height_ratios=[1.3, 2.5, 1.6])
    _draw_cells(strip, shown, *_examples(model, cells, versions))
    _draw_scores(scores, shown)
    _draw_movement(moved, shown[1:])
    moved.set_title(_interaction(result.measures["interaction"]), loc="left", fontsize=10)
    moved.set_xlim(-0.6, width - 0.4)
    moved.set_xticks([one.at for one in shown], [one.label for one in shown], fontsize=11)
    figure.align_ylabels()
    figure.supxlabel(f"Cells: {legend(model.channels)}; {SCALING}", fontsize=10, color="#444444", parse_math=False)
    save_figure(figure, path)


def _shown(model: Model, versions: Sequence[Version], result: Line, parts: Sequence[Line]) -> list[_Shown]:
    """The cells as they are, every version, and the control."""
    stains = [to_hex((DARKER * red, DARKER * green, DARKER * blue)) for red, green, blue in colours(model.channels)]
    found = [_Shown(0, "as it is", "all", INTACT, result.measures)]
    for number, (version, line) in enumerate(zip(versions, parts[:-1], strict=True)):
        at = 1 + number + GAP * (1 + KINDS.index(version.kind))
        found.append(_Shown(at, GROUPS[version.kind], spoken(version.stain), stains[version.channel], line.measures))
    control = found[-1].at + 1 + GAP
    return [*found, _Shown(control, "control", "whole cells\ndealt anew", CONTROL, parts[-1].measures)]


def _examples(model: Model, cells: ScoredCells, versions: Sequence[Version]) -> tuple[np.ndarray, int]:
    """Composites of one cell as it is and in every version, and of the cell that takes its place when whole cells are dealt."""
    example = int(np.argmax(cells.swapped))
    own, partner, dealt = model.real(cells.rows[[example, cells.partners[example], cells.dealt[example]]])
    changed = np.concatenate([own[None], *[version.of(own[None], partner[None]) for version in versions], dealt[None]])
    return composites(changed, model.channels), int(cells.rows[example])


def _draw_cells(axes: Axes, shown: Sequence[_Shown], pictures: np.ndarray, row: int) -> None:
    for one, picture in zip(shown, pictures, strict=True):
        axes.imshow(picture, extent=(one.at - 0.48, one.at + 0.48, 0, 0.96), interpolation="nearest", aspect="auto")
    axes.set_ylim(0, 0.96)
    axes.set_box_aspect(0.96 / (shown[-1].at + 1))
    axes.set_axis_off()
    for group in dict.fromkeys(one.group for one in shown):
        middle = float(np.mean([one.at for one in shown if one.group == group]))
        axes.text(middle, 1.04, group, ha="center", va="bottom", fontsize=11)
    axes.text(0, -0.06, f"row {row}", ha="center", va="top", fontsize=9, color="#444444")


def _draw_scores(axes: Axes, shown: Sequence[_Shown]) -> None:
    measures = [one.measures["nsc"] for one in shown]
    intact = measures[0]
    if intact.value is not None and intact.low is not None and intact.high is not None:
        axes.axhspan(intact.low, intact.high, color=INTACT, alpha=0.08, lw=0)
        axes.axhline(intact.value, color=INTACT, lw=1.3, ls="--")
    for one, measure in zip(shown, measures, strict=True):
        if measure.low is not None and measure.high is not None:
            axes.plot([one.at] * 2, [measure.low, measure.high], color=one.colour, lw=3, alpha=0.45, solid_capstyle="butt")
        if measure.value is not None:
            axes.plot(one.at, measure.value, "o", color=one.colour, ms=9)
            _write(axes, one.at, measure.value, (10, 0), va="center")
    highest = max([0.5, *[measure.high for measure in measures if measure.high is not None]])
    axes.set(ylim=(0, min(1.02, highest + 0.06)), ylabel="NSC, 95% interval\nover compounds")
    _finish(axes, shown, "nsc")


def _draw_movement(axes: Axes, shown: Sequence[_Shown]) -> None:
    axes.axhline(1, color="grey", lw=1, ls=":")
    axes.text(-0.55, 1.02, "1: two cells\ndrawn at random", color="#555555", fontsize=10, va="bottom")
    values = [one.measures["moved"].value for one in shown]
    for one, value in zip(shown, values, strict=True):
        if value is not None:
            axes.bar(one.at, value, width=0.62, color=one.colour, alpha=0.75)
            _write(axes, one.at, value, (0, 5), ha="center")
    highest = max([1.0, *[value for value in values if value is not None]])
    axes.set(ylim=(0, 1.4 * highest), ylabel="how far the embedding\nmoves (no labels)")
    _finish(axes, shown, "moved")


def _interaction(measure: Measure) -> str:
    text = "not available" if measure.value is None else f"{measure.value:.2f} [{measure.low:.2f}, {measure.high:.2f}]"
    return f"interaction of channels {text} (0: each channel adds its own part; 1: every picture has a vector of its own)"


def _write(axes: Axes, at: float, value: float, offset: tuple[int, int], **aligned: Any) -> None:
    axes.annotate(f"{value:.2f}", (at, value), offset, textcoords="offset points", bbox=BEHIND, fontsize=10, **aligned)


def _finish(axes: Axes, shown: Sequence[_Shown], measure: str) -> None:
    for one in shown:
        if one.measures[measure].value is None:
            place = axes.get_xaxis_transform()
            axes.text(one.at, 0.5, "not available", color="grey", rotation=90, ha="center", va="center", transform=place)
    clean(axes, "y")
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", length=0)
