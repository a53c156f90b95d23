"""``cytobench info``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("name")
@click.option("--plugin", type=click.Path(path_type=Path), metavar="FILE.py", help="A file with one more method.")
def command(name: str, plugin: Path | None) -> None:
    """Say what a method, data set or benchmark is, with its recipes or its protocol, as YAML."""
    import yaml

    from cytobench.description import describe

    click.echo(yaml.safe_dump(describe(name, plugin), sort_keys=False, allow_unicode=True, width=120).rstrip())
