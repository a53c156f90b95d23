"""What ``cytobench interpolate`` says on a terminal."""

from __future__ import annotations

from tabulate import tabulate

from cytobench.phenotypes.interpolation.codes import TraversalRecord, change_text
from cytobench.phenotypes.interpolation.doses import DosesRecord
from cytobench.phenotypes.interpolation.files import InterpolationRecord
from cytobench.phenotypes.interpolation.smoothness_record import PathRecord, Smoothness
from cytobench.results.measures import Measure

HEADINGS = ("path", "length\n(straight 1)", "/ cross-fade's", "midway to nearest cell\n(between cells 1)", "/ cross-fade's")


def smoothness_text(made: InterpolationRecord) -> str:
    """Say how even the paths are and how near to cells, and where the files are."""
    parts = [f"{made.title}: paths through its {'codes' if made.space == 'latent' else 'noise'}"]
    parts += _measured(made.smoothness) if made.smoothness is not None else []
    return "\n".join([*parts, *(f"  {file}" for file in made.files)])


def traversal_text(made: TraversalRecord) -> str:
    """Say how much each code changes, and where the files are."""
    changes = [f"code {number + 1}: {change_text(change)}" for number, change in enumerate(made.changes)]
    return "\n".join([made.title, *changes, *(f"  {file}" for file in made.files)])


def doses_text(made: DosesRecord) -> str:
    """Name the doses, and where the picture is."""
    doses = ", ".join(f"{dose.name} ({dose.cells:,} cells)" for dose in made.doses)
    return "\n".join([f"{made.title}: {doses}", *(f"  {file}" for file in made.files)])


def _measured(measured: Smoothness) -> list[str]:
    head = (
        f"{measured.pairs} pairs; features: {measured.features}; nearest of {measured.neighbours:,} {measured.kind} cells; "
        f"[95% bootstrap interval over {'pairs' if measured.space == 'noise' else 'the cells at the ends'}]"
    )
    table = tabulate([_cells(path) for path in measured.paths], HEADINGS, tablefmt="simple", disable_numparse=True)
    controls = " and ".join(f"{control.nearest.value:.2f} of the {control.name}" for control in measured.controls)
    reason = measured.paths[0].midpoint.reason
    notes = [f"distance to the nearest cell, for comparison: {controls}", *([f"no interval: {reason}"] if reason else [])]
    return [head, "", table, "", *notes, *(f"warning: {text}" for text in measured.warnings)]


def _cells(path: PathRecord) -> list[str]:
    return [path.path, *map(_text, (path.relative_length, path.length_ratio, path.midpoint, path.midpoint_ratio))]


def _text(measure: Measure | None) -> str:
    if measure is None:
        return ""
    return f"{measure.value:.2f}" + (f" [{measure.low:.2f}, {measure.high:.2f}]" if measure.low is not None else "")
