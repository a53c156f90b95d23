"""``cytobench ls``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cytobench.cli.options import JSON, PLUGIN, RUNS


@click.command()
@click.argument("what", default="methods", type=click.Choice(["methods", "datasets", "benchmarks", "recipes", "runs"]))
@PLUGIN
@RUNS
@JSON
def command(what: str, plugin: Path | None, runs: Path, as_json: bool) -> None:
    """List what there is. Reads cards only: no method is imported."""
    from tabulate import tabulate

    from cytobench import catalogue

    rows = {
        "methods": lambda: catalogue.methods(plugin),
        "datasets": catalogue.datasets,
        "benchmarks": catalogue.benchmarks,
        "recipes": lambda: catalogue.recipes(plugin),
        "runs": lambda: catalogue.runs(runs),
    }[what]()
    if as_json:
        click.echo(json.dumps({what: rows}, indent=1))
    else:
        click.echo(tabulate(rows, headers="keys", disable_numparse=True) if rows else f"no {what}")
