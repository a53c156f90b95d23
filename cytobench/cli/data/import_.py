"""``cytobench data import``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("import")
@click.option(
    "--images", required=True, type=click.Path(path_type=Path), help="An .npz with 'images' (N, H, W, C), uint8 or uint16."
)
@click.option(
    "--index", required=True, type=click.Path(path_type=Path), help="A CSV with N rows: plate, well, compound, concentration."
)
@click.option("--channels", required=True, metavar="A,B,C", help="Channel names, in the order of the images' last axis.")
@click.option("--name", help="Of the data set on boards; the folder's name by default.")
@click.option("--source", default="", help="Where the crops come from, and under what licence.")
@click.argument("out", type=click.Path(path_type=Path))
def command(images: Path, index: Path, channels: str, name: str | None, source: str, out: Path) -> None:
    """Make a cell store of crops that were cut elsewhere."""
    from cytobench.datasets.crops import import_crops

    store = import_crops(images, index, tuple(part.strip() for part in channels.split(",")), out, name=name, source=source)
    click.echo(store.summary())
