"""``cytobench data prepare``."""

from __future__ import annotations

from pathlib import Path

import click

from cytobench.cli.options import listed

FAULTS_SHOWN = 5
"""Faulty images named on the terminal."""


def _print_config(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        import yaml

        from cytobench.datasets.preparation.spec import PreparationSpec

        click.echo(yaml.safe_dump(PreparationSpec().model_dump(mode="json"), sort_keys=False), nl=False)
        ctx.exit()


PRINT_CONFIG = click.option(
    "--print-config", is_flag=True, is_eager=True, expose_value=False, callback=_print_config, help="Print every setting as YAML."
)


@click.command("prepare")
@click.argument("images", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--plates", callback=listed, metavar="A,B", help="Only these plates; all that are there by default.")
@click.option(
    "--channels",
    callback=listed,
    metavar="A,B,C",
    help="Their order in the crops, the nuclear stain first; the table's by default.",
)
@click.option("--crop-size", type=click.IntRange(8), help="Side of a crop in px.  [default: 96]")
@click.option("--masks/--no-masks", default=None, help="Keep masks of cells and nuclei.  [default: masks]")
@click.option("--mask-neighbours", is_flag=True, default=None, help="Set the pixels of every other cell in a crop to 0.")
@click.option("--segmenter", type=click.Choice(["watershed", "cellpose"]), help="[default: watershed]")
@PRINT_CONFIG
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE.yaml", help="Every setting; the options here override it."
)
@click.option("--name", help="Of the data set on boards; the folder's name by default.")
@click.option("--source", help="Where the images come from, and under what licence.")
@click.option("--illumination", type=click.Path(path_type=Path), metavar="STORE", help="Use this store's functions again.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes on this machine.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="A Dask scheduler, whose workers see both folders.")
@click.option("--strict", is_flag=True, help="Fail on the first faulty image; by default its field is listed and left out.")
def command(
    images: Path,
    out: Path,
    plates: list[str] | None,
    channels: list[str] | None,
    crop_size: int | None,
    masks: bool | None,
    mask_neighbours: bool | None,
    segmenter: str | None,
    config: Path | None,
    name: str | None,
    source: str | None,
    illumination: Path | None,
    workers: int,
    scheduler: str | None,
    strict: bool,
) -> None:
    """Make a cell store OUT of the image set IN; the same command continues what was stopped, and adds new plates."""
    from cytobench.datasets.image_set import ImageSet
    from cytobench.datasets.preparation.prepare import prepare
    from cytobench.datasets.preparation.spec import read_spec

    chosen = {"crop_size": crop_size, "masks": masks, "mask_neighbours": mask_neighbours, "segmentation.segmenter": segmenter}
    spec = read_spec(config, {key: value for key, value in chosen.items() if value is not None})
    store = prepare(
        ImageSet.read(images, channels),
        out,
        spec,
        plates=plates,
        name=name,
        source=source,
        illumination=illumination,
        workers=workers,
        scheduler=scheduler,
        strict=strict,
    )
    click.echo(store.summary())
    faults = store.attached("faults")
    for fault in faults.head(FAULTS_SHOWN).itertuples():
        click.echo(f"faulty, left out: {fault.image}: {fault.problem}", err=True)
    if len(faults):
        click.echo(f"all faulty images: {out / 'faults-*.csv'}", err=True)
    click.echo(f"pictures and counts to check: cytobench data report {out}", err=True)
