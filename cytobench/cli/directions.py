"""``cytobench directions``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cytobench.cli.looking import RUN, SEED, looking_options
from cytobench.cli.printing import echo_json

if TYPE_CHECKING:
    from cytobench.phenotypes.directions.report import DirectionsReport


@click.command()
@RUN
@click.option(
    "--property",
    "properties",
    multiple=True,
    metavar="NAME",
    help="tubulin-content, actin-content, dna-content, nucleus-area or tubulin-halo; repeat.  [default: all]",
)
@click.option("--n", default=1000, show_default=True, type=click.IntRange(100, 20_000), help="Generated cells to regress on.")
@click.option("--steps", default=7, show_default=True, type=click.IntRange(3, 15), help="Cells in a row of the pictures.")
@SEED
@looking_options
def command(
    run: str,
    properties: tuple[str, ...],
    n: int,
    steps: int,
    dataset: str | None,
    seed: int,
    out: Path,
    device: str,
    plugin: Path | None,
    as_json: bool,
) -> None:
    """Find directions of the noise space: more tubulin, a larger nucleus, and what else changes with them.

    Each property is measured of generated cells and regressed on their noise. A direction counts where noise that the
    regression has not seen is predicted; a random direction is walked beside it.
    """
    from cytobench.loading import load_model
    from cytobench.phenotypes.directions.files import write_directions
    from cytobench.phenotypes.directions.series import explore

    model = load_model(run, dataset=dataset, device=device, plugin=plugin)
    report = write_directions(*explore(model, properties, n, steps, seed, progress=True), model, out)
    if as_json:
        echo_json([report], single=True)
    else:
        click.echo(_text(report))


def _text(report: DirectionsReport) -> str:
    """A table of the directions with what each changes most beside its own property, and the files."""
    from tabulate import tabulate

    from cytobench.results.tables import measure_text

    rows = []
    for one in report.directions:
        changes = {effect.property: effect.change for effect in one.walk.effects} if one.walk else {}
        rows.append(
            [
                one.property,
                measure_text(one.r2),
                "yes" if one.found else "none",
                _ratio(one.variety),
                *map(measure_text, changes.values()),
            ]
        )
    names = next(([effect.property for effect in one.walk.effects] for one in report.directions if one.walk), [])
    table = tabulate(rows, headers=["direction", "held-out R²", "found", "variety", *names], disable_numparse=True)
    told = "changes a step of one standard deviation of the noise, in standard deviations of the property, 95% intervals"
    variety = "variety: standard deviation over generated cells, that over cells of the data being 1"
    reasons = [f"note: {one.property}: {one.verdict}" for one in report.directions if not one.found]
    notes = [f"note: {each}" for each in report.notes]
    return "\n".join([report.title, "", table, f"{told}; {variety}; {report.under}", *notes, *reasons, *report.files])


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
