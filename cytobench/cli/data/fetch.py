"""``cytobench data fetch``."""

from __future__ import annotations

from pathlib import Path

import click

from cytobench.cli.options import listed


@click.command("fetch")
@click.argument("name", metavar="bbbc021")
@click.option("--plates", callback=listed, metavar="A,B,C", help="For example Week1_22123,Week1_22141; all by default.")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="The folder; by default --from, or the cache.")
@click.option(
    "--from", "source", type=click.Path(path_type=Path), metavar="DIR", help="Archives or images on disk, instead of the network."
)
@click.option("--mirror", metavar="URL", help="Another server with BBBC021's files.")
@click.option("--workers", default=4, show_default=True, type=click.IntRange(1, 16), help="Plates at a time.")
@click.option("--keep-archives", is_flag=True, help="Keep downloaded archives once their images are verified.")
def command(
    name: str,
    plates: list[str] | None,
    to: Path | None,
    source: Path | None,
    mirror: str | None,
    workers: int,
    keep_archives: bool,
) -> None:
    """Download BBBC021, or take archives and images already on disk; verify every image.

    The same command continues what was interrupted, and fetches nothing twice. The whole set is about 41 GB of archives and up
    to 104 GB of images; without --to and with --from the images in that folder are verified in place.
    """
    from cytobench.datasets.fetching.fetch import default_folder, fetch_bbbc021
    from cytobench.datasets.fetching.ledger import DAMAGED
    from cytobench.datasets.fetching.mirror import URL

    usual = default_folder(name)
    folder = to or source or usual
    summary = fetch_bbbc021(
        folder, plates=plates, source=source, mirror=mirror or URL, workers=workers, keep_archives=keep_archives
    )
    click.echo(f"{folder}: {summary}")
    if summary.damaged:
        click.echo(
            f"damaged or missing images: {summary.damaged}; {folder / DAMAGED} says which, and why; "
            "to bring a plate again, remove its folder and repeat the command",
            err=True,
        )
