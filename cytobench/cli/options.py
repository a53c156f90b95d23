"""Options that several verbs take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def folder_option(flag: str, default: str, what: str) -> Callable[..., Any]:
    """Return an option that names a folder, which need not be there yet."""
    return click.option(flag, default=default, show_default=True, type=click.Path(path_type=Path, file_okay=False), help=what)


def listed(ctx: click.Context, parameter: click.Parameter, text: str | None) -> list[str] | None:
    """Split what is separated by commas; a callback."""
    if text is None:
        return None
    names = [part.strip() for part in text.split(",")]
    if not all(names):
        raise click.BadParameter("has an empty name; separate names by single commas", ctx, parameter)
    return names


RUNS = folder_option("--runs", "runs", "Where run folders are kept.")
PLUGIN = click.option("--plugin", type=click.Path(path_type=Path), metavar="FILE.py", help="A Python file with one more method.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
