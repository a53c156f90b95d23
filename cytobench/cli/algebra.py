"""``cytobench algebra``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cytobench.cli.looking import RUN, SEED, looking_options
from cytobench.cli.printing import echo_json
from cytobench.errors import CytoBenchError

if TYPE_CHECKING:
    from cytobench.phenotypes.algebra.answer import AlgebraReport, Answer, Neighbour


QUOTES = "put the whole expression in quotes"


class Expressions(click.Command):
    """A command whose arguments may look like options: expressions that begin with a minus."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Say of such an expression what to do."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.startswith("--"):
                raise
            how = f'{QUOTES}, and -- before one that begins with a minus: cytobench algebra --run RUN -- "-A + B"'
            raise click.UsageError(f"{error.message.rstrip('.')}; {how}", ctx) from None


@click.command(cls=Expressions)
@click.argument("expressions", metavar="EXPRESSION...", nargs=-1, required=True)
@RUN
@click.option("--nearest", default=10, show_default=True, type=click.IntRange(1, 100), help="Treatments to list.")
@SEED
@looking_options
def command(
    expressions: tuple[str, ...],
    run: str,
    nearest: int,
    dataset: str | None,
    seed: int,
    out: Path,
    device: str,
    plugin: Path | None,
    as_json: bool,
) -> None:
    """Add treatments in a model's code space: "emetine@1 - emetine@0.3 + taxol@0.3".

    Names are treatments (compound@micromolar), compounds, mechanisms of action, DMSO, DMSO' (the other half of the control cells)
    and single cells (row:12); names with parentheses go in quotes. Factors are numbers: "2 * (A - B)". All treatments of
    the benchmark are ranked by their distance from the result, which is also drawn as a cell. Put -- before an expression that
    begins with a minus.
    """
    from cytobench.loading import load_model
    from cytobench.phenotypes.algebra.expression_terms import check_syntax
    from cytobench.phenotypes.algebra.expression_tokens import ExpressionError
    from cytobench.phenotypes.algebra.report import algebra
    from cytobench.registry import benchmark

    if any(text.strip() in ("+", "-", "*") for text in expressions):
        raise click.UsageError(f'{QUOTES}: "{" ".join(expressions)}"')
    try:
        for text in expressions:
            check_syntax(text)
        model = load_model(run, dataset=dataset, device=device, plugin=plugin)
        report = algebra(list(expressions), model, benchmark("bbbc021-moa"), out, nearest=nearest, seed=seed, progress=True)
    except ExpressionError as error:
        click.echo(error.pointer, err=True)
        raise CytoBenchError(str(error)) from None
    if as_json:
        echo_json([report], single=True)
    else:
        click.echo(_text(report))


def _text(report: AlgebraReport) -> str:
    return "\n\n".join([f"{report.title}\n{report.profiles}", *map(_answer_text, report.answers)])


def _answer_text(answer: Answer) -> str:
    from tabulate import tabulate

    terms = [(t.sign, t.name, t.cells, t.nearest or "the origin", _distance(t.distance)) for t in answer.terms]
    shown = tabulate(terms, headers=["", "term", "cells", "alone nearest to", "distance"], disable_numparse=True)
    ranked = [_row(neighbour) for neighbour in answer.nearest]
    own = [f"{neighbour.treatment} (place {neighbour.place})" for neighbour in answer.nearest_with_own if neighbour.own_term]
    ranking = [
        "",
        tabulate(ranked, headers=["", "nearest, own terms left out", "MOA", "distance"], disable_numparse=True),
        f"own terms among the nearest: {', '.join(own) or 'none'}",
        f"{answer.control}, the origin, is number {answer.control_place} by Euclidean distance",
    ]
    return "\n".join(
        [
            answer.expression,
            *([answer.verdict] if answer.verdict else []),
            shown,
            *(f"note: {each}" for each in answer.notes),
            *(ranking if ranked else []),
            answer.scale.text,
            *(f"picture: {file}" for file in answer.files),
        ]
    )


def _distance(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _row(neighbour: Neighbour) -> tuple[int, str, str, str]:
    return neighbour.place, neighbour.treatment, neighbour.moa, _distance(neighbour.distance)
