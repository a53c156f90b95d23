"""``cytobench run``."""

from __future__ import annotations

from pathlib import Path

import click

from cytobench.cli.printing import echo_json, echo_run


@click.command()
@click.option("--method", "methods", required=True, metavar="NAME[,NAME...]", help="Methods; 'cytobench ls methods' lists them.")
@click.option("--dataset", default="simulated", show_default=True, metavar="NAME|PATH", help="A registered data set or a folder.")
@click.option("--benchmark", default="bbbc021-moa", show_default=True, metavar="NAME")
@click.option("--recipe", metavar="VARIANT", help="A variant of the method's recipe; its first by default.")
@click.option("-o", "options", multiple=True, metavar="KEY=VALUE", help="Change the recipe, as -o optimizer.generator.lr=1e-4.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--runs", default="runs", show_default=True, type=click.Path(path_type=Path, file_okay=False), help="Where runs are kept.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda")
@click.option("--plugin", type=click.Path(path_type=Path), metavar="FILE.py", help="A file with one more method.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    methods: str, dataset: str, benchmark: str, recipe: str | None, options: tuple[str, ...], seed: int, runs: Path, device: str,
    plugin: Path | None, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Train (where there is something to train), embed and score methods.

    A trained method's untrained twin is made beside it. What is finished is not done again.
    """
    from cytobench.errors import CytoBenchError
    from cytobench.outline import outline
    from cytobench.plan import make_plan
    from cytobench.results.summary import summarise
    from cytobench.runner import run

    chosen = {"benchmark": benchmark, "recipe": recipe, "options": options, "seed": seed, "device": device, "plugin": plugin}
    summaries, failed = [], []
    names = [name.strip() for name in methods.split(",") if name.strip()]
    for name in names:
        try:
            if dry_run:
                summaries.append(outline(make_plan(name, dataset, **chosen), runs))  # type: ignore[arg-type]
                continue
            finished = run(name, dataset, runs=runs, progress=True, **chosen)  # type: ignore[arg-type]
        except CytoBenchError as error:
            if len(names) == 1:
                raise
            failed.append(f"{name}: {error}")
            continue
        summaries.append(summarise(finished))
        if not as_json:
            echo_run(finished, runs)
    if as_json:
        echo_json(summaries, single=len(names) == 1)
    elif dry_run:
        click.echo("\n\n".join(map(str, summaries)))
    if failed:
        raise CytoBenchError(f"{len(failed)} of {len(names)} methods failed: {'; '.join(failed)}")
