"""``cytobench data simulate``."""

from __future__ import annotations

from pathlib import Path

import click

from cytobench.cli.options import listed


@click.command("simulate")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Another seed draws another screen.")
@click.option("--plates", callback=listed, metavar="A,B", help="Only these plates; all by default.")
@click.option("--parameters", type=click.Path(path_type=Path), help="A YAML file with the keys of screen.yaml to change.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(min=1), help="Processes.")
@click.argument("out", type=click.Path(path_type=Path))
def command(seed: int, plates: list[str] | None, parameters: Path | None, workers: int, out: Path) -> None:
    """Draw a small image set in BBBC021's layout, with the true masks beside it."""
    from cytobench.datasets.simulated import read_parameters, simulate_fields
    from cytobench.progress import counting

    with counting("simulate", "plate") as show:
        simulate_fields(out, seed=seed, parameters=read_parameters(parameters), plates=plates, workers=workers, progress=show)
    click.echo(f"{out}: simulated fields of view in BBBC021's layout; no cell was photographed")
