"""Options that several verbs take."""

from __future__ import annotations

from pathlib import Path

import click

RUNS = click.option(
    "--runs",
    default="runs",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where run folders are kept.",
)
PLUGIN = click.option("--plugin", type=click.Path(path_type=Path), metavar="FILE.py", help="A Python file with one more method.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
