"""``cytobench turing``."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from cytobench.cli.looking import looking_options
from cytobench.cli.options import JSON

SEED = click.option(
    "--seed",
    show_default="drawn anew, kept in the key",  # with a seed that all know, so would be the order
    type=click.IntRange(0, 2**32 - 1),
    help="Of cells, noise and order.",
)

MOST = 500
"""Cells of each kind: 1,000 of 96 px make a page of 37 MB, and nobody judges more at a sitting."""


@click.group(invoke_without_command=True, subcommand_metavar="[score FILE...]")
@click.option("--run", metavar="RUN|SHA256", help="A run's folder, or a fetched checkpoint.")  # 'score' needs none
@SEED
@click.option("--n", "n", default=50, show_default=True, type=click.IntRange(1, MOST), help="Cells of each kind.")
@looking_options
@click.pass_context
def command(
    ctx: click.Context,
    run: str | None,
    n: int,
    dataset: str | None,
    seed: int | None,
    out: Path,
    device: str,
    plugin: Path | None,
    as_json: bool,
) -> None:
    """Write a page on which a person tells generated cells from real ones; 'score' reads what jurors answered.

    The page is one file to send around. The key beside it is not for jurors, and is what their answers are scored with.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_options(ctx)
        return
    if run is None:
        raise click.MissingParameter(ctx=ctx, param_hint="'--run'", param_type="option")
    import secrets

    from cytobench.loading import load_model
    from cytobench.phenotypes.turing.page import write_test
    from cytobench.phenotypes.turing.turing import make_test

    model = load_model(run, dataset=dataset, device=device, plugin=plugin)
    test = make_test(model, n, secrets.randbelow(2**32) if seed is None else seed)
    written = write_test(test, out)
    if as_json:
        from cytobench.cli.printing import echo_json

        echo_json([written], single=True)
    else:
        flagged = "" if written.flagged is None else f", {written.flagged} of the {written.kind} ones flagged as noise"
        click.echo(f"{written.title}: {n} {written.kind} and {n} generated cells{flagged}, test {written.test}")
        click.echo(f"page: {written.page} (for jurors)\nkey:  {written.key} (not for jurors)")
        click.echo(f"then: cytobench turing score --key {written.key} FILE... (what they download at the end)")


@command.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="The test's key.  [default: found beside the files]")
@JSON
def score(files: tuple[Path, ...], key: Path | None, as_json: bool) -> None:
    """Score what jurors downloaded, one file a juror: accuracy, and how many generated cells passed."""
    from cytobench.phenotypes.turing.answers import find_key, read_judgements, read_key
    from cytobench.phenotypes.turing.score import score as score_answers
    from cytobench.phenotypes.turing.text import score_text

    truth = read_key(key or find_key(files))
    scored = score_answers(read_judgements(files, truth), truth)
    if as_json:
        from cytobench.cli.printing import echo_json

        echo_json([scored], single=True)
    else:
        click.echo(score_text(scored))


def _refuse_options(ctx: click.Context) -> None:
    given = [name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError("options before 'score' make a test; give those of 'score' behind it", ctx)
