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
    said = data.summary()
    if verify and isinstance(data, CellStore):
        data.verify()
        said += "\nverified: every file is as it was written"
    elif verify:
        said += "\nnothing to verify: a table carries no checksums of itself"
    click.echo(said)
