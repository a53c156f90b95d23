"""``cytobench run``."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from cytobench.cli.options import JSON, PLUGIN, RUNS
from cytobench.cli.printing import echo_json, echo_run


def _names(ctx: click.Context, option: click.Parameter, text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("names no method; 'cytobench ls methods' lists them")
    return names


@click.command()
@click.option(
    "--method",
    "names",
    required=True,
    callback=_names,
    metavar="NAME[,NAME...]",
    help="Methods; 'cytobench ls methods' lists them.",
)
@click.option("--dataset", default="simulated", show_default=True, metavar="NAME|PATH", help="A registered data set or a folder.")
@click.option("--benchmark", default="bbbc021-moa", show_default=True, metavar="NAME")
@click.option("--recipe", metavar="VARIANT", help="A variant of the method's recipe; its first by default.")
@click.option("-o", "options", multiple=True, metavar="KEY=VALUE", help="Change the recipe, as -o optimizer.generator.lr=1e-4.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1))
@RUNS
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda")
@PLUGIN
@click.option("--dry-run", is_flag=True, help="Print what would be done, and what is done already.")
@JSON
def command(
    names: list[str],
    dataset: str,
    benchmark: str,
    recipe: str | None,
    options: tuple[str, ...],
    seed: int,
    runs: Path,
    device: str,
    plugin: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Train (where there is something to train), embed and score methods.

    A trained method's untrained twin is made beside it. What is finished is not done again.
    """
    from cytobench.errors import CytoBenchError
    from cytobench.outline import outline
    from cytobench.plan import Plan, make_plan
    from cytobench.results.summary import RunSummary, summarise
    from cytobench.runner import run_plan
    from cytobench.schema import Record

    def plan(name: str) -> Plan:
        return make_plan(
            name, dataset, benchmark=benchmark, recipe=recipe, options=options, seed=seed, device=device, plugin=plugin
        )

    def summarise_run(name: str) -> RunSummary:
        with redirect_stdout(sys.stderr):  # stdout is for results; what a method prints is none
            finished = run_plan(plan(name), runs, progress=True)
        if not as_json:
            echo_run(finished, runs)
        return summarise(finished)

    records: list[Record] = []
    failed = []
    for name in names:
        try:
            records.append(outline(plan(name), runs) if dry_run else summarise_run(name))
        except CytoBenchError as error:
            if len(names) == 1:
                raise
            failed.append(f"{name}: {error}")
    if as_json:
        echo_json(records, single=len(names) == 1)
    elif dry_run:
        click.echo("\n\n".join(map(str, records)))
    if failed:
        raise CytoBenchError(f"{len(failed)} of {len(names)} methods failed: {'; '.join(failed)}")
