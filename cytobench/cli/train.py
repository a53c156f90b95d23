"""``cytobench train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cytobench.cli.running import do_all, done_and_told, names_or_owner, planner, running_options

if TYPE_CHECKING:
    from cytobench.plan import Plan
    from cytobench.results.summary import TrainingSummary


@click.command()
@running_options
@click.option("--all", "family", is_flag=True, help="Every trained method that has the recipe.")
def command(names: list[str] | None, family: bool, runs: Path, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """Train methods, and neither embed nor score: 'cytobench run' goes on from there.

    A training that was stopped goes on where it was. On several GPUs: 'torchrun --nproc-per-node 4 -m cytobench train ...'.
    """
    from cytobench.catalogue import trained_methods
    from cytobench.errors import CytoBenchError
    from cytobench.results.summary import summarise_training

    def train(plan: Plan) -> TrainingSummary | None:
        if not plan.trains:
            raise CytoBenchError(f"{plan.entry.card.name} is not trained; use 'cytobench run --method {plan.entry.card.name}'")
        return done_and_told(plan, runs, "trained", summarise_training, as_json=as_json)

    if family and names is not None:
        raise click.UsageError("--all trains every method that has the recipe; leave out --method or --all.")
    chosen = trained_methods(asked["recipe"], asked["plugin"]) if family else names_or_owner(names, asked["start"])
    do_all(chosen, planner(checkpoint=None, **asked), train, runs=runs, dry_run=dry_run, as_json=as_json)
