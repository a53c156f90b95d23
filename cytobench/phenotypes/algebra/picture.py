"""A picture of one expression: decoded terms, their sum, real cells of both, and the nearest treatments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec, SubplotSpec

from cytobench.files import replacing
from cytobench.phenotypes.algebra.algebra import Sum
from cytobench.phenotypes.algebra.answer import Answer, Neighbour
from cytobench.phenotypes.algebra.space import CodeSpace
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.pictures import GAP, SCALING, composites, grid, legend

SHOWN = 4
"""Real cells beside each decoded mean."""

BAR, OWN_BAR = "#1b6ca8", "#b9c6d0"
"""Of treatments that the expression does not name, and of those it does."""


def draw_answer(model: Model, space: CodeSpace, added: Sum, answer: Answer, path: Path, seed: int) -> None:
    """Draw an expression as cells, and the order of the treatments.

    Args:
        model: decodes.
        space: of the screen's codes.
        added: the expression's terms and their sum.
        answer: the ranking.
        path: a ``.png`` file.
        seed: of the real cells shown.
    """
    columns = len(added.terms) + 1
    figure = Figure(figsize=(max(12.0, 2.45 * columns + 1), 9.8), layout="constrained")
    figure.suptitle(f"{model.title}\n{answer.expression}", x=0.01, ha="left", fontweight="bold", parse_math=False)
    halves = figure.add_gridspec(2, 1, height_ratios=[1.35, 1])
    _draw_cells(figure, halves[0], model, space, added, answer, seed)
    _draw_rankings(figure, halves[1], answer)
    about = (
        f"{legend(model.channels)}; {SCALING}.\n"
        "Decoded: the mean code of the cells, averaged over wells and treatments; the result is the sum of these codes, "
        f"seen from {space.cohorts.control}.\nRanking: the same sum of profiles under {space.benchmark.protocol.headline}, among "
        f"{len(space.screen.treatments)} treatments; {space.cohorts.control}, its origin, is number {answer.control_place} "
        "by Euclidean distance."
    )
    figure.supxlabel(about, fontsize=9, color="#4d4d4d", x=0.01, ha="left")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _draw_cells(
    figure: Figure, place: SubplotSpec, model: Model, space: CodeSpace, added: Sum, answer: Answer, seed: int
) -> None:
    columns = len(added.terms) + 1
    area = GridSpecFromSubplotSpec(2, 2 * columns, place, width_ratios=[0.16, 1] * columns)
    decoded = composites(model.decode(np.vstack([added.codes, added.code])), model.channels)
    nearest = answer.nearest[0].treatment
    shown = [*(np.concatenate(one) for one in added.members), space.treatment(nearest)]
    titles = [f"{term.name}\n{term.cells} cells" for term in answer.terms] + ["result\n"]
    below = ["real cells"] * len(answer.terms) + [f"real cells of the nearest:\n{nearest}"]
    for column in range(columns):
        sign = figure.add_subplot(area[0, 2 * column])
        sign.set_axis_off()
        sign.text(0.5, 0.5, _sign(answer, column), ha="center", va="center", fontsize=17, transform=sign.transAxes)
        _draw_image(figure.add_subplot(area[0, 2 * column + 1]), decoded[column], titles[column], "decoded")
        generator = np.random.default_rng([seed, column])
        chosen = generator.choice(shown[column], min(SHOWN, len(shown[column])), replace=False)
        real = grid(composites(model.real(space.rows(np.sort(chosen))), model.channels), 2)
        side = 2 * model.size + GAP
        sheet = np.full((side, side, 3), 255, np.uint8)
        sheet[: real.shape[0], : real.shape[1]] = real
        _draw_image(figure.add_subplot(area[1, 2 * column + 1]), sheet, "", below[column])


def _draw_image(axes: Axes, picture: np.ndarray, title: str, below: str) -> None:
    axes.imshow(picture, interpolation="nearest")
    axes.set_title(title, fontsize=10, parse_math=False)
    axes.set_xlabel(below, fontsize=9, parse_math=False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_rankings(figure: Figure, place: SubplotSpec, answer: Answer) -> None:
    area = GridSpecFromSubplotSpec(1, 2, place)
    _draw_bars(figure.add_subplot(area[0]), answer.nearest, "nearest, own terms left out")
    _draw_bars(figure.add_subplot(area[1]), answer.nearest_with_own, "nearest of all, own terms pale")


def _draw_bars(axes: Axes, neighbours: tuple[Neighbour, ...], title: str) -> None:
    colours = [OWN_BAR if neighbour.own_term else BAR for neighbour in neighbours]
    axes.barh(range(len(neighbours)), [neighbour.distance for neighbour in neighbours], color=colours, height=0.7)
    names = [f"{neighbour.treatment}  ({neighbour.moa})" for neighbour in neighbours]
    axes.set_yticks(range(len(names)), names, fontsize=9, parse_math=False)
    axes.set_ylim(max(len(names), 10) - 0.4, -0.6)
    axes.set(xlim=(0, max(1.0, *(neighbour.distance for neighbour in neighbours))), xlabel="cosine distance (0: same direction)")
    axes.set_title(title, loc="left", fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _sign(answer: Answer, column: int) -> str:
    """What stands before the picture of a term: its sign, and its factor where it is not 1."""
    if column == len(answer.terms):
        return "="
    factor = answer.terms[column].factor
    sign = ("-" if factor < 0 else "+" if column else "").replace("-", "\N{MINUS SIGN}")
    return sign if abs(factor) == 1 else f"{sign}{abs(factor):g}"
