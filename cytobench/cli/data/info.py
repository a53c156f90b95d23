"""``cytobench data info``."""

from __future__ import annotations

import click


@click.command("info")
@click.argument("dataset", metavar="NAME|PATH")
@click.option("--verify", is_flag=True, help="Compare every file of a store with its sha256.")
def command(dataset: str, verify: bool) -> None:
    """Say what a data set holds."""
    from cytobench.datasets.opening import open_dataset
    from cytobench.datasets.store import CellStore

    data = open_dataset(dataset)
    if verify and isinstance(data, CellStore):
        data.verify()
    click.echo(data.summary() + ("\nverified: every file is as it was written" if verify else ""))
