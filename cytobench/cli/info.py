"""``cytobench info``."""

from __future__ import annotations

from pathlib import Path

import click

from cytobench.cli.options import PLUGIN


@click.command()
@click.argument("name")
@PLUGIN
def command(name: str, plugin: Path | None) -> None:
    """Say what a method, data set or benchmark is, with its recipes or its protocol, as YAML."""
    import yaml

    from cytobench.catalogue import describe

    click.echo(yaml.safe_dump(describe(name, plugin), sort_keys=False, allow_unicode=True, width=120).rstrip())
