"""A picture of one expression: decoded terms, their sum, cells of both, and the nearest treatments."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec, SubplotSpec

from cytobench.figures import COLOURS, NEUTRAL, clean, head, save_figure
from cytobench.phenotypes.algebra.algebra import Sum
from cytobench.phenotypes.algebra.answer import Answer, AnswerTerm, Neighbour, Scale
from cytobench.phenotypes.algebra.space import CodeSpace
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.pictures import GAP, SCALING, composites, grid, legend

SHOWN = 4
"""Cells beside each decoded mean."""

COLUMNS = 5
"""Of decoded cells; more terms take another row."""

WIDTH, LETTERS, NOTE, LABEL = 13.5, 110, 165, 26
"""Of the figure in inches, and of a line of its title, its note and a label in letters."""

BAR, OWN_BAR = COLOURS[0], "#b9c6d0"
"""Of treatments that the expression does not name, and of those it does."""


def draw_answer(model: Model, space: CodeSpace, added: Sum, answer: Answer, path: Path, seed: int) -> None:
    """Draw an expression as cells, and the order of the treatments.

    Args:
        model: decodes.
        space: of the screen's codes.
        added: the expression's terms and their sum.
        answer: the ranking.
        path: a ``.png`` file.
        seed: of the cells shown beside the decoded ones.
    """
    columns = len(added.terms) + 1
    rows = -(-columns // COLUMNS)
    below = 1.0 if answer.nearest else 0.1
    figure = Figure(figsize=(WIDTH, 1.0 + 5.2 * rows + 3.8 * below), layout="constrained")
    head(figure, "\n".join([model.title, fill(answer.expression, LETTERS), *([answer.verdict] if answer.verdict else [])]))
    halves = figure.add_gridspec(2, 1, height_ratios=[1.35 * rows, below])
    _draw_cells(figure, halves[0], model, space, added, answer, seed)
    _draw_rankings(figure, halves[1], answer)
    about = [
        f"{legend(model.channels)}; {SCALING}.",
        "Decoded: the mean code of the cells, averaged over wells and treatments; the result is the sum of these codes, "
        f"seen from {space.cohorts.control}.",
        *_told(model, answer),
        f"Ranking: the same sum of profiles under {space.benchmark.protocol.headline}, among {len(space.screen.treatments)} "
        f"treatments; {space.cohorts.control}, its origin, is number {answer.control_place} by Euclidean distance. "
        f"Lines: {answer.scale.text}.",
        *([f"{'; '.join(answer.notes)}."] if answer.notes else []),
    ]
    figure.supxlabel("\n".join(fill(line, NOTE) for line in about), fontsize=9, color="#4d4d4d", x=0.01, ha="left")
    save_figure(figure, path)


def _told(model: Model, answer: Answer) -> list[str]:
    """What a conditional model was told."""
    if not model.conditions:
        return []
    return [f"The model is told a treatment: of each term its first cell's, and of the result that of {answer.terms[0].name}."]


def _draw_cells(
    figure: Figure, place: SubplotSpec, model: Model, space: CodeSpace, added: Sum, answer: Answer, seed: int
) -> None:
    count = len(added.terms) + 1
    columns = max(4, min(count, COLUMNS))
    area = GridSpecFromSubplotSpec(2 * -(-count // COLUMNS), 2 * columns, place, width_ratios=[0.16, 1] * columns)
    told = space.rows(np.array([places[0][0] for places in (*added.members, added.members[0])]))
    decoded = composites(model.decode(np.vstack([added.codes, added.code]), told), model.channels)
    nearest = answer.control if answer.verdict else answer.nearest[0].treatment
    shown = [*(np.concatenate(one) for one in added.members), np.concatenate(space.members(nearest))]
    titles = [f"{fill(term.name, LABEL)}\n{term.cells} cells" for term in answer.terms] + ["result\n"]
    of_nearest = fill(f"{model.kind} cells of the nearest: {nearest}", LABEL)
    below = [f"{model.kind} cells"] * len(answer.terms) + [of_nearest]
    for number in range(count):
        row, column = 2 * (number // COLUMNS), 2 * (number % COLUMNS)
        sign = figure.add_subplot(area[row, column])
        sign.set_axis_off()
        symbol = "=" if number == len(answer.terms) else _sign(answer.terms[number], first=number == 0)
        size = 17 if len(symbol) < 2 else 12
        sign.text(0.5, 0.5, symbol, ha="center", va="center", fontsize=size, transform=sign.transAxes)
        _draw_image(figure.add_subplot(area[row, column + 1]), decoded[number], titles[number], "decoded")
        sheet = _some(model, space.rows(shown[number]), np.random.default_rng([seed, number]))
        _draw_image(figure.add_subplot(area[row + 1, column + 1]), sheet, "", below[number])


def _some(model: Model, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A sheet of a few of some cells, of one size however few there are."""
    chosen = np.sort(generator.choice(rows, min(SHOWN, len(rows)), replace=False))
    cells = grid(composites(model.real(chosen), model.channels), 2)
    side = 2 * model.size + GAP
    sheet = np.full((side, side, 3), 255, np.uint8)
    sheet[: cells.shape[0], : cells.shape[1]] = cells
    return sheet


def _draw_image(axes: Axes, picture: np.ndarray, title: str, below: str) -> None:
    axes.imshow(picture, interpolation="nearest")
    axes.set_title(title, fontsize=10, parse_math=False)
    axes.set_xlabel(below, fontsize=9, parse_math=False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_rankings(figure: Figure, place: SubplotSpec, answer: Answer) -> None:
    if not answer.nearest:
        axes = figure.add_subplot(place)
        axes.set_axis_off()
        return
    area = GridSpecFromSubplotSpec(1, 2, place)
    _draw_bars(figure.add_subplot(area[0]), answer.nearest, answer.scale, "nearest, own terms left out")
    _draw_bars(figure.add_subplot(area[1]), answer.nearest_with_own, answer.scale, "nearest of all, own terms pale")


def _draw_bars(axes: Axes, neighbours: tuple[Neighbour, ...], scale: Scale, title: str) -> None:
    colours = [OWN_BAR if neighbour.own_term else BAR for neighbour in neighbours]
    bars = axes.barh(range(len(neighbours)), [neighbour.distance for neighbour in neighbours], color=colours, height=0.7)
    axes.bar_label(bars, fmt="%.3f", padding=3, fontsize=8, bbox={"color": "white", "pad": 0.5})
    for value, style, what in ((scale.any_two, "--", "two treatments"), (scale.one_compound, ":", "two of one compound")):
        if value is not None:
            axes.axvline(value, color=NEUTRAL, ls=style, lw=1.3, label=f"median of {what}", zorder=0)
    names = [f"{neighbour.treatment}  ({neighbour.moa})" for neighbour in neighbours]
    axes.set_yticks(range(len(names)), names, fontsize=9, parse_math=False)
    axes.set_ylim(max(len(names), 10) + 1.4, -0.6)  # room for the legend
    reach = (
        np.ceil(5.5 * max(1.0, *(neighbour.distance for neighbour in neighbours))) / 5
    )  # ends at a tick, leaves room for values
    axes.set(xlim=(0, reach), xlabel="cosine distance (0: same direction)")
    axes.legend(loc="lower right", fontsize=8, framealpha=1, edgecolor="none")
    axes.set_title(title, loc="left", fontsize=10)
    clean(axes, "x")


def _sign(term: AnswerTerm, first: bool) -> str:
    """What stands before the picture of a term: its sign, left out of a first ``+``, and its factor where it is not 1."""
    shown = term.sign.removeprefix("+" if first else "").strip()
    return (
        shown.replace("-", "\N{MINUS SIGN}")
        .replace(" x", " \N{MULTIPLICATION SIGN}")
        .replace(" ", "\n", 1 if shown[0:1] in "+-" else 0)
    )
