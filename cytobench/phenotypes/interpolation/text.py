"""What ``cytobench interpolate`` says on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from cytobench.phenotypes.captions import UNTRAINED, is_untrained
from cytobench.phenotypes.interpolation.codes import TraversalRecord, change_text
from cytobench.phenotypes.interpolation.doses import DosesRecord
from cytobench.phenotypes.interpolation.files import InterpolationRecord
from cytobench.phenotypes.interpolation.smoothness_record import PathRecord, Smoothness
from cytobench.results.measures import Measure

HEADINGS = ("path", "length\n(straight 1)", "/ cross-fade's", "midway to nearest cell\n(between cells 1)", "/ cross-fade's")

NEAR = "in its distance from cells"


def smoothness_text(made: InterpolationRecord) -> str:
    """Say how even the paths are and how near to cells, and where the files are."""
    parts = [f"{made.title}: paths through its {'codes' if made.space == 'latent' else 'noise'}"]
    parts += _measured(made.smoothness) if made.smoothness is not None else []
    return "\n".join([*parts, *_untrained(made), *(f"  {file}" for file in made.files)])


def traversal_text(made: TraversalRecord) -> str:
    """Say how much each code changes, and where the files are."""
    changes = [f"code {number + 1}: {change_text(change)}" for number, change in enumerate(made.changes)]
    return "\n".join([made.title, *changes, *_untrained(made), *(f"  {file}" for file in made.files)])


def doses_text(made: DosesRecord) -> str:
    """Name the doses, and where the picture is."""
    doses = ", ".join(f"{dose.name} ({dose.cells:,} cells)" for dose in made.doses)
    return "\n".join([f"{made.title}: {doses}", *_untrained(made), *(f"  {file}" for file in made.files)])


def conclusions(paths: Sequence[PathRecord]) -> list[str]:
    """Say in plain words, by the intervals, how each path of a model stands beside the cross-fade of the same ends."""
    return [
        f"The model's {one.path} path is {_beside(one.length_ratio, 'shorter than', 'longer than', 'in length')} a cross-fade of "
        f"the same ends; midway it is {_beside(one.midpoint_ratio, 'nearer to cells than', 'farther from cells than', NEAR)} one."
        for one in paths
        if one.length_ratio is not None and one.midpoint_ratio is not None
    ]


def _beside(ratio: Measure, below: str, above: str, what: str) -> str:
    if ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high:
        return below if ratio.high < 1 else above
    return f"not told apart {what} from"


def _untrained(made: InterpolationRecord | TraversalRecord | DosesRecord) -> list[str]:
    return [f"note: {UNTRAINED}"] if is_untrained(made.model) else []


def _measured(measured: Smoothness) -> list[str]:
    head = (
        f"{measured.pairs} pairs; features: {measured.features}; nearest of {measured.neighbours:,} {measured.kind} cells; "
        f"[95% bootstrap interval over {'pairs' if measured.space == 'noise' else 'the cells at the ends'}]"
    )
    table = tabulate([_cells(path) for path in measured.paths], HEADINGS, tablefmt="simple", disable_numparse=True)
    controls = " and ".join(f"{control.nearest.value:.2f} of the {control.name}" for control in measured.controls)
    reason = measured.paths[0].midpoint.reason
    notes = [f"distance to the nearest cell, for comparison: {controls}", *([f"no interval: {reason}"] if reason else [])]
    said = conclusions(measured.paths)
    return [head, "", table, "", *said, *notes, *(f"warning: {text}" for text in measured.warnings)]


def _cells(path: PathRecord) -> list[str]:
    return [path.path, *map(_text, (path.relative_length, path.length_ratio, path.midpoint, path.midpoint_ratio))]


def _text(measure: Measure | None) -> str:
    if measure is None:
        return ""
    return f"{measure.value:.2f}" + (f" [{measure.low:.2f}, {measure.high:.2f}]" if measure.low is not None else "")
