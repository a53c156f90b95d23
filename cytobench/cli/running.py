"""What ``run`` and ``train`` share: their options, and doing several methods of which one may fail."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cytobench.cli.options import JSON, PLUGIN, RUNS, listed
from cytobench.cli.printing import echo_json

if TYPE_CHECKING:
    from cytobench.plan import Plan
    from cytobench.results.runs import Run, Until
    from cytobench.schema import Record

Summary = TypeVar("Summary", bound="Record")

OPTIONS = (
    click.option(
        "--method", "names", callback=listed, metavar="NAME[,NAME...]", help="Methods; 'cytobench ls methods' lists them."
    ),
    click.option(
        "--dataset", default="simulated", show_default=True, metavar="NAME|PATH", help="A registered data set or a folder."
    ),
    click.option("--benchmark", default="bbbc021-moa", show_default=True, metavar="NAME"),
    click.option("--recipe", metavar="VARIANT", help="A variant of the method's recipe; its first by default."),
    click.option("-o", "options", multiple=True, metavar="KEY=VALUE", help="Change the recipe, as -o training.steps=2000."),
    click.option("--train-on", metavar="EXPRESSION", help="Train on some of the cells only, as 'week!=Week10'; all are scored."),
    click.option("--from", "start", metavar="RUN|SHA256", help="Train on from the weights of a run or a fetched checkpoint."),
    click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1)),
    RUNS,
    click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda"),
    PLUGIN,
    click.option("--dry-run", is_flag=True, help="Print what would be done, and what is done already."),
    JSON,
)


WORKERS = (
    click.option("--workers", type=click.IntRange(1), help="Processes that measure cells (cellprofiler).  [default: the cores]"),
    click.option("--scheduler", metavar="tcp://HOST:PORT", help="A Dask scheduler, whose workers measure them instead."),
)


def working_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say who does work that is done cell by cell, and do it there."""

    @wraps(command)
    def working(*, workers: int | None, scheduler: str | None, dry_run: bool, **asked: Any) -> None:
        from cytobench.workers import cores_or_cluster

        with nullcontext() if dry_run else cores_or_cluster(workers, scheduler):
            command(dry_run=dry_run, **asked)

    decorated: Callable[..., Any] = working
    for option in reversed(WORKERS):
        decorated = option(decorated)
    return decorated


def running_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that decide what is run."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def planner(*, options: Sequence[str], train_on: str | None, **asked: Any) -> Callable[[str], Plan]:
    """Return what makes the plan of a method from the options of the command line."""
    from cytobench.planning import make_plan

    chosen = [*options, *([f"training.train_on={json.dumps(train_on)}"] if train_on is not None else [])]
    return lambda name: make_plan(name, options=chosen, **asked)


def names_or_owner(names: list[str] | None, where: str | None) -> list[str]:
    """The methods that were named, or the one whose checkpoint was given."""
    from cytobench.checkpoints import find_checkpoint

    if names is None and where is None:
        raise click.UsageError("Missing option '--method'; 'cytobench ls methods' lists them.")
    return names if names is not None else [find_checkpoint(str(where)).record.method]


def do_all(
    names: list[str],
    plan: Callable[[str], Plan],
    do: Callable[[Plan], Record | None],
    *,
    runs: Path,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Do one method after another and print what came of each; one that fails does not stop the others."""
    from cytobench.errors import CytoBenchError
    from cytobench.outline import outline

    failed: list[str] = []
    act = outline if dry_run else lambda planned, runs: do(planned)
    plans = [(name, _tried(name, names, failed, plan, name)) for name in names]  # what cannot be planned is said at once
    made = [_tried(name, names, failed, act, planned, runs) for name, planned in plans if planned is not None]
    records = [record for record in made if record is not None]  # a process that only helped has none
    if as_json and records:
        echo_json(records, single=len(names) == 1)
    elif dry_run:
        click.echo("\n\n".join(map(str, records)))
    if failed:
        raise CytoBenchError(f"{len(failed)} of {len(names)} methods failed: {'; '.join(failed)}")


def _tried(name: str, names: list[str], failed: list[str], act: Callable[..., Any], *arguments: Any) -> Any:
    """Do something for one method; of several, one that fails is noted and does not stop the others."""
    from cytobench.errors import CytoBenchError
    from cytobench.training.launch import alone

    try:
        return act(*arguments)
    except CytoBenchError as error:
        if len(names) == 1 or not alone():  # other processes could not know what failed here
            raise
        failed.append(f"{name}: {error}")
        click.echo(f"failed: {failed[-1]}", err=True)
        return None


def done_and_told(plan: Plan, runs: Path, until: Until, summarise: Callable[[Run], Summary], *, as_json: bool) -> Summary | None:
    """Do a plan and print a summary of it, for people; None in a process that only helped."""
    made = done(plan, runs, until)
    if made is None:
        return None
    summary = summarise(made)
    if not as_json:
        click.echo(str(summary))
    return summary


def done(plan: Plan, runs: Path, until: Until) -> Run | None:
    """Do a plan; stdout is for results, and what a method prints is none."""
    from cytobench.runner import run_plan

    with redirect_stdout(sys.stderr):
        return run_plan(plan, runs, progress=True, until=until)
