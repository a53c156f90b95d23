"""What the verbs that look at models share: which run, beside which cells, and where files go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from cytobench.cli.options import JSON, PLUGIN, folder_option

OPTIONS = (
    click.option("--dataset", metavar="NAME|PATH", help="Its cells.  [default: those of the run]"),
    folder_option("--out", "phenotypes", "Where files are written."),
    click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda"),
    PLUGIN,
    JSON,
)

SEED = click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1), help="Of noise and chosen cells.")


def only_one(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> str | None:
    """Refuse a second model where one is looked at; a callback."""
    if len(given) > 1:
        raise click.UsageError(f"--run stands {len(given)} times, and this looks at one model at a time", ctx)
    return given[0] if given else None


WHAT = "A run's folder, or a fetched checkpoint."

RUN = click.option("--run", required=True, multiple=True, callback=only_one, metavar="RUN|SHA256", help=WHAT)
"""One model."""

MODELS = click.option("--run", "runs", required=True, multiple=True, metavar="RUN|SHA256", help=f"{WHAT} May be repeated.")
"""One model or several."""


def looking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what is looked at and where files go."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
