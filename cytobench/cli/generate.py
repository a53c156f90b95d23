"""``cytobench generate``."""

from __future__ import annotations

from pathlib import Path

import click

from cytobench.cli.looking import MODELS, SEED, looking_options


@click.command()
@MODELS
@click.option(
    "--n", default=64, show_default=True, type=click.IntRange(1, 4096), help="Cells to generate, and real ones beside them."
)
@click.option("--treatment", metavar="NAME", help="What a conditional model is told: taxol@0.3, taxol, DMSO, row:12 ...")
@SEED
@looking_options
def command(
    runs: tuple[str, ...],
    n: int,
    treatment: str | None,
    dataset: str | None,
    seed: int,
    out: Path,
    device: str,
    plugin: Path | None,
    as_json: bool,
) -> None:
    """Synthesise cells, and show them beside real ones.

    Writes of each model two pictures (all channels in colour, each channel in grey), the arrays (.npz) and stacks that ImageJ and
    Fiji open (.tif); of several models also one picture with a row each.
    """
    from cytobench.cli.printing import echo_json
    from cytobench.loading import cohorts_of, load_model
    from cytobench.phenotypes.gallery.files import write_galleries
    from cytobench.phenotypes.gallery.gallery import gallery
    from cytobench.phenotypes.gallery.text import gallery_text

    if len({Path(run).resolve() for run in runs}) < len(runs):
        raise click.UsageError("--run names a run twice; name each once")
    models = [load_model(run, dataset=dataset, device=device, plugin=plugin) for run in runs]
    made = [gallery(model, n, seed, cohorts_of(model.store), treatment) for model in models]
    record = write_galleries(made, out)
    if as_json:
        return echo_json([record], single=True)
    for one in record.galleries:
        click.echo(gallery_text(one))
    if record.together:
        click.echo(f"all models: {record.together}")
    return None
