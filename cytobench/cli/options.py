"""Options that several verbs take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def folder_option(flag: str, default: str, what: str) -> Callable[..., Any]:
    """Return an option that names a folder, which need not be there yet."""
    return click.option(flag, default=default, show_default=True, type=click.Path(path_type=Path, file_okay=False), help=what)


RUNS = folder_option("--runs", "runs", "Where run folders are kept.")
PLUGIN = click.option("--plugin", type=click.Path(path_type=Path), metavar="FILE.py", help="A Python file with one more method.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
