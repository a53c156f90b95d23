"""``cytobench interpolate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cytobench.cli.looking import RUN, SEED, looking_options

if TYPE_CHECKING:
    from cytobench.phenotypes.interpolation.files import InterpolationRecord
    from cytobench.phenotypes.model import Model


@click.command()
@RUN
@click.option("--space", type=click.Choice(["noise", "latent"]), help="[default: noise where it generates, else latent]")
@click.option("--path", type=click.Choice(["linear", "spherical", "both"]), default="both", show_default=True)
@click.option("--from", "start", metavar="NAME", help="Latent: the first cells (DMSO, taxol@0.3, an MOA, row:12).")
@click.option("--to", "end", metavar="NAME", help="Latent: the last cells.")
@click.option("--steps", default=9, show_default=True, type=click.IntRange(3, 101), help="Images along a path, an odd number.")
@click.option("--pairs", default=6, show_default=True, type=click.IntRange(1, 64), help="Paths in the pictures.")
@click.option("--compared", default=64, show_default=True, type=click.IntRange(0, 4096), help="Paths measured; 0 for none.")
@click.option("--features", metavar="METHOD:RECIPE", help="Feature space of the measures.  [default: the first at hand]")
@click.option("--codes", is_flag=True, help="InfoGAN: change one code at a time instead.")
@click.option("--doses", metavar="COMPOUND", help="Decode the mean code of each concentration instead.")
@SEED
@looking_options
def command(
    run: str,
    codes: bool,
    doses: str | None,
    dataset: str | None,
    out: Path,
    device: str,
    plugin: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Go from one cell to another through a model's noise or codes, and measure how evenly.

    Writes a grid of paths (.png), an animation (.gif), and a plot of feature distances beside those of a cross-fade of pixels.
    """
    from cytobench.cli.printing import echo_json
    from cytobench.loading import cohorts_of, load_model
    from cytobench.phenotypes.interpolation.codes import traverse_codes
    from cytobench.phenotypes.interpolation.doses import dose_series
    from cytobench.phenotypes.interpolation.files import write_doses, write_traversal
    from cytobench.phenotypes.interpolation.smoothness_text import doses_text, smoothness_text, traversal_text

    if codes and doses is not None:
        raise click.UsageError("--codes and --doses are two things to do; leave one out.")
    if asked["steps"] % 2 == 0:
        raise click.BadParameter("must be odd, so that one image lies midway", param_hint="--steps")
    model = load_model(run, dataset=dataset, device=device, plugin=plugin)
    if doses is not None:
        made = write_doses(dose_series(model, cohorts_of(model.store), doses, asked["seed"]), out)
        return echo_json([made], single=True) if as_json else click.echo(doses_text(made))
    if codes:
        changed = write_traversal(traverse_codes(model, asked["pairs"], asked["steps"], asked["seed"]), out)
        return echo_json([changed], single=True) if as_json else click.echo(traversal_text(changed))
    record = _paths(model, out, device, **asked)
    return echo_json([record], single=True) if as_json else click.echo(smoothness_text(record))


def _paths(
    model: Model, out: Path, device: str, *, pairs: int, compared: int, features: str | None, **asked: Any
) -> InterpolationRecord:
    from cytobench.loading import cohorts_of
    from cytobench.phenotypes.features import feature_space, first_space
    from cytobench.phenotypes.interpolation.files import write_interpolation
    from cytobench.phenotypes.interpolation.interpolation import interpolate
    from cytobench.phenotypes.interpolation.smoothness import measure_smoothness

    made = interpolate(model, cohorts_of(model.store), pairs=max(pairs, compared), **asked)
    measured = None
    if compared:
        chosen = feature_space(features, model.channels, model.size, device) if features else None
        measured = measure_smoothness(made, chosen or first_space(model.channels, model.size, device))
    return write_interpolation(made, measured, out, pairs)
