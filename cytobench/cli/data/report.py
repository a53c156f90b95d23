"""``cytobench data report``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("dataset", metavar="STORE")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="By default STORE/report, or report-NAME here where STORE is a registered name.",
)
def command(dataset: str, out: Path | None) -> None:
    """Write a page with the pictures and counts to check first; an older report is replaced."""
    from cytobench.datasets.opening import open_dataset
    from cytobench.datasets.report.folder import default_folder
    from cytobench.datasets.report.page import write_report
    from cytobench.datasets.store import CellStore
    from cytobench.errors import CytoBenchError

    store = open_dataset(dataset)
    if not isinstance(store, CellStore):
        raise CytoBenchError(f"{dataset}: is a table of profiles, without cells to show; give a cell store")
    click.echo(write_report(store, out or default_folder(dataset)))
