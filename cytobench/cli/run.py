"""``cytobench run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cytobench.cli.printing import echo_run
from cytobench.cli.running import do_all, done, names_or_owner, planner, running_options, working_options

if TYPE_CHECKING:
    from cytobench.plan import Plan
    from cytobench.results.summary import MeasuresSummary, RunSummary


@click.command()
@running_options
@working_options
@click.option("--checkpoint", metavar="RUN|SHA256", help="Use the weights of a run or a fetched checkpoint as they are.")
def command(names: list[str] | None, runs: Path, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """Train (where there is something to train), embed and score methods.

    A trained method's untrained twin is made beside it. What is finished is not done again; a training or an embedding that was
    stopped goes on where it was.
    """
    from cytobench.results.summary import summarise

    def run(plan: Plan) -> RunSummary | MeasuresSummary | None:
        finished = done(plan, runs, "finished")
        if finished is None:
            return None
        if not as_json:
            echo_run(finished, runs)
        return summarise(finished)

    chosen = names_or_owner(names, asked["start"] or asked["checkpoint"])
    do_all(chosen, planner(**asked), run, runs=runs, dry_run=dry_run, as_json=as_json)
