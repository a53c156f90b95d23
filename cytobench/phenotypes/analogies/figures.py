"""A picture of analogies: the result beside its base, other differences and chance, by family and equation."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cytobench.figures import COLOURS, NEUTRAL, clean, head, save_figure
from cytobench.phenotypes.analogies.families import Family
from cytobench.phenotypes.analogies.measures import Block
from cytobench.phenotypes.analogies.protocol import AlgebraProtocol
from cytobench.scoring.screen import Screen

STYLES = {
    "result": (COLOURS[0], "o", "result of the algebra"),
    "base": (COLOURS[1], "D", "its base alone"),
    "random": (NEUTRAL, "s", "base + another difference"),
}
"""Colour, marker and name; the first two are told apart by colour-blind readers, too."""

CHANCE = COLOURS[5]
OFFSETS = {"result": -0.2, "base": 0.0, "random": 0.2}
PANELS = {"mrr": "mean reciprocal rank of the answer", "top1": "share with the answer nearest"}


def draw_analogies(
    title: str,
    families: dict[str, Family],
    blocks: dict[str, Block],
    equations: dict[str, Block],
    path: Path,
    screen: Screen,
    protocol: AlgebraProtocol,
) -> None:
    """Draw mean reciprocal ranks and top-1 rates, one row a family and an equation.

    Args:
        title: over the picture; says so where the data are simulated.
        families: by key.
        blocks: their measures.
        equations: the equations' measures, by name.
        path: a ``.png`` file.
        screen: whose treatments were ranked.
        protocol: for the equations' texts.
    """
    texts = {one.name: f"{one.expression}\n=? {one.answer}" for one in protocol.equations}
    rows = {f"{families[key].title}\n{len(families[key]):,} analogies": block for key, block in blocks.items()}
    rows |= {f"{texts[name]}, {protocol.groups} cell groups": block for name, block in equations.items()}
    figure = Figure(figsize=(13.5, 1.9 + 0.92 * len(rows)), layout="constrained")
    head(figure, f"{title}\nvector algebra against its own base")
    for axes, (rate, label) in zip(figure.subplots(1, 2, sharey=True), PANELS.items(), strict=True):
        _draw_panel(axes, list(rows.values()), rate)
        axes.set(xlabel=label, xlim=(-0.02, 1.02))
        axes.axhline(len(blocks) - 0.5, color="black", lw=0.8)
    axes.set_yticks(range(len(rows)), list(rows), parse_math=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    figure.legend(handles=_handles(), loc="outside upper right", ncols=4, frameon=False)
    note = f"Bars: {protocol.level:.0%} intervals, over compounds above the line and over cell groups below it."
    figure.supxlabel(f"{note} Gallery: {len(screen.treatments)} treatments without the terms.", fontsize=9, color="#4d4d4d")
    save_figure(figure, path)


def _draw_panel(axes: Axes, blocks: list[Block], rate: str) -> None:
    for row, block in enumerate(blocks):
        if block.gain.value is None:
            axes.text(0.02, row, "not available", color="grey", va="center")
            continue
        points = {source: block.rates[source][rate].value for source in (*STYLES, "chance")}
        ends = [value for value in (points["base"], points["result"]) if value is not None]
        axes.plot(ends, [row + OFFSETS["base"], row + OFFSETS["result"]], color="#c9c9c9", lw=1.5, zorder=1)
        chance = points["chance"] or 0.0
        axes.plot([chance, chance], [row - 0.33, row + 0.33], color=CHANCE, lw=1.4, ls=":", zorder=1)
        for source, (colour, marker, _) in STYLES.items():
            measure = block.rates[source][rate]
            if measure.value is None:
                continue
            if measure.low is not None and measure.high is not None:
                axes.plot([measure.low, measure.high], [row + OFFSETS[source]] * 2, color=colour, lw=2.4, alpha=0.45, zorder=2)
            axes.plot(measure.value, row + OFFSETS[source], marker, color=colour, ms=7, zorder=3)
    clean(axes, "x")


def _handles() -> list[Line2D]:
    points = [Line2D([], [], color=colour, marker=marker, ls="", ms=7, label=name) for colour, marker, name in STYLES.values()]
    return [*points, Line2D([], [], color=CHANCE, ls=":", label="chance")]
