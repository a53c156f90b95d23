"""``cytobench checkpoint``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cytobench.cli.options import JSON


@click.group()
def command() -> None:
    """Export, fetch and list trained weights: files that hold numbers and text, and nothing that runs."""


@command.command()
@click.argument("run", metavar="RUN|SHA256")
@click.option("--to", type=click.Path(path_type=Path), help="The folder (or zip) to make; METHOD-SHA256 here by default.")
@click.option("--address", metavar="URL", help="Where it will be published; boards link it.")
@click.option("--zip", "zipped", is_flag=True, help="Make one zip.")
def export(run: str, to: Path | None, address: str | None, zipped: bool) -> None:
    """Write the weights of a run, with its recipe, card and scores, into one folder to share."""
    from cytobench.sharing.export import export_checkpoint

    click.echo(f"exported: {export_checkpoint(run, to, address=address, zipped=zipped)}")


@command.command()
@click.argument("source", metavar="FOLDER|ZIP|URL")
@JSON
def fetch(source: str, as_json: bool) -> None:
    """Verify a shared checkpoint and keep it in the cache, for 'run --checkpoint SHA256'."""
    from cytobench.sharing.fetch import fetch_checkpoint
    from cytobench.sharing.manifest import SHORT

    fetched = fetch_checkpoint(source)
    if as_json:
        click.echo(json.dumps(fetched.model_dump(mode="json"), indent=1))
    else:
        click.echo(f"{fetched.folder}: {fetched.method}, use it with 'cytobench run --checkpoint {fetched.sha256[:SHORT]}'")


@command.command()
@JSON
def ls(as_json: bool) -> None:
    """List the fetched checkpoints."""
    from tabulate import tabulate

    from cytobench.sharing.fetch import fetched_checkpoints

    rows = [fetched.model_dump(mode="json") for fetched in fetched_checkpoints()]
    if as_json:
        click.echo(json.dumps({"checkpoints": rows}, indent=1))
    else:
        click.echo(tabulate(rows, headers="keys", disable_numparse=True) if rows else "no checkpoints")
