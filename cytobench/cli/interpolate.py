"""``cytobench interpolate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cytobench.cli.looking import RUN, SEED, looking_options

USED = {"--codes": {"pairs", "steps", "seed"}, "--doses": {"seed"}}
"""What each of the other things to do takes of the options for paths."""

OF_PATHS = {"space", "path", "start", "end", "compared", "features"}

IDLE = {"--codes": OF_PATHS | {"doses"}, "--doses": OF_PATHS | {"pairs", "steps"}}
"""Options that would do nothing beside each of them."""


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
    from cytobench.phenotypes.interpolation.showing import show_codes, show_doses, show_paths
    from cytobench.phenotypes.interpolation.text import doses_text, smoothness_text, traversal_text

    mode = next((one for one, chosen in (("--codes", codes), ("--doses", doses is not None)) if chosen), None)
    _refuse_idle(mode, asked["compared"])
    model = load_model(run, dataset=dataset, device=device, plugin=plugin)
    used = {name: value for name, value in asked.items() if mode is None or name in USED[mode]}
    if doses is not None:
        made = show_doses(model, cohorts_of(model.store), out, doses, **used)
        return echo_json([made], single=True) if as_json else click.echo(doses_text(made))
    if codes:
        changed = show_codes(model, out, **used)
        return echo_json([changed], single=True) if as_json else click.echo(traversal_text(changed))
    record = show_paths(model, cohorts_of(model.store), out, **used)
    return echo_json([record], single=True) if as_json else click.echo(smoothness_text(record))


def _refuse_idle(mode: str | None, compared: int) -> None:
    """Refuse options that were given and would do nothing."""
    context = click.get_current_context()
    asked = [one for one in context.command.params if context.get_parameter_source(one.name or "") is ParameterSource.COMMANDLINE]
    given = {one.name: one.opts[0] for one in asked}
    if mode is not None:
        idle = [option for name, option in given.items() if name in IDLE[mode]]
    else:
        mode, idle = "--compared 0", [given["features"]] if compared == 0 and "features" in given else []
    if idle:
        raise click.UsageError(f"with {mode} there is nothing for {' and '.join(idle)} to do; leave one or the other out.")
