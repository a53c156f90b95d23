"""``cytobench embed``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cytobench.cli.running import do_all, done_and_told, names_or_owner, planner, running_options, working_options

if TYPE_CHECKING:
    from cytobench.plan import Plan
    from cytobench.results.summary import EmbeddingSummary


@click.command()
@running_options
@working_options
@click.option("--checkpoint", metavar="RUN|SHA256", help="Use the weights of a run or a fetched checkpoint as they are.")
def command(names: list[str] | None, runs: Path, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """Embed cells (after training, where there is something to train), and score nothing: 'cytobench run' goes on from there.

    The run's folder then holds embeddings.npy, a vector a cell in the order of the store, and profiles.parquet, their mean in
    each well. An embedding that was stopped goes on where it was.
    """
    from cytobench.results.summary import summarise_embedding

    def embed(plan: Plan) -> EmbeddingSummary | None:
        return done_and_told(plan, runs, "embedded", summarise_embedding, as_json=as_json)

    chosen = names_or_owner(names, asked["start"] or asked["checkpoint"])
    do_all(chosen, planner(**asked), embed, runs=runs, dry_run=dry_run, as_json=as_json)
