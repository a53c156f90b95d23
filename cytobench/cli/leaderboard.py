"""``cytobench leaderboard``."""

from __future__ import annotations

from pathlib import Path

import click

from cytobench.cli.options import JSON, folder_option

FOLDER = folder_option("--folder", "leaderboards", "The leaderboards.")


@click.group()
def command() -> None:
    """Build, show, extend and compare boards."""


@command.command()
@click.option("--check", is_flag=True, help="Write nothing; fail where a generated file is stale.")
@FOLDER
def build(check: bool, folder: Path) -> None:
    """Generate the boards from the score files."""
    from cytobench.boards.build import build as build_boards

    files = build_boards(folder, check=check)
    click.echo("\n".join(f"{'up to date' if check else 'wrote'}: {path}" for path in files))


@command.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@FOLDER
def add(runs: tuple[Path, ...], folder: Path) -> None:
    """Keep the scores of finished runs (and of their untrained twins), and build the boards."""
    from cytobench.boards.build import build as build_boards
    from cytobench.boards.entries import add_runs
    from cytobench.results.runs import Run

    added = add_runs([Run.read(path) for path in runs], folder)
    click.echo("\n".join([*(f"added: {path}" for path in added), *(f"wrote: {path}" for path in build_boards(folder))]))


@command.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@FOLDER
def sensitivity(runs: tuple[Path, ...], folder: Path) -> None:
    """Measure how much of the scores of finished runs is protocol, and build the page; one that fails stops no other."""
    from cytobench.boards.sensitivity import measure_runs
    from cytobench.errors import CytoBenchError

    kept, failed = measure_runs(runs, folder, progress=True)
    if kept:
        click.echo("\n".join(f"measured: {path}" for path in kept))
    if failed:
        raise CytoBenchError(f"{len(failed)} of {len(runs)} runs were not measured: {'; '.join(failed)}")


@command.command()
@FOLDER
def show(folder: Path) -> None:
    """Print the boards."""
    from cytobench.boards.entries import entries_of_scores, of_models, of_profiles
    from cytobench.boards.measured import make_measured_boards
    from cytobench.boards.measured_page import measured_markdown
    from cytobench.boards.render import markdown
    from cytobench.boards.rows import make_boards

    entries = entries_of_scores(folder)
    click.echo(markdown(make_boards(of_profiles(entries)), "Leaderboard"))
    if of_models(entries):
        click.echo(measured_markdown(make_measured_boards(of_models(entries)), "What models make of cells"))


@command.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@JSON
def compare(first: Path, second: Path, as_json: bool) -> None:
    """Compare two runs (folders or score files) treatment by treatment: paired difference, interval and p-value."""
    from cytobench.boards.compare import compare as compare_entries
    from cytobench.boards.entries import read_entry
    from cytobench.cli.printing import echo_json

    comparison = compare_entries(read_entry(first), read_entry(second))
    if as_json:
        echo_json([comparison], single=True)
    else:
        click.echo(str(comparison))
