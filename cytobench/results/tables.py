"""Results as text for a terminal."""

from __future__ import annotations

import math

from tabulate import tabulate

from cytobench.results.measures import Column, Measure, Measures
from cytobench.results.schema import Difference, Estimate, PanelEntry, Scores

METRICS = {
    "nsc": "NSC",
    "nsc_compound": "NSC/compound",
    "nscb": "NSCB",
    "map_moa": "MOA mAP",
    "map_replicate": "replicate mAP",
}
"""The fields of a panel entry and what they are called."""


MOST_PLACES = 6
"""After the point, of any measure."""


def panel_table(scores: Scores) -> str:
    """The whole panel, the headline marked, each score with its 95% interval."""
    rows = [_row(entry, scores.headline) for entry in scores.panel]
    counts, features = scores.counts, max(entry.features + entry.features_dropped for entry in scores.panel)
    cells = "" if counts.cells is None else f", {counts.cells} cells"
    imputed = f", {counts.imputed} missing values imputed" if counts.imputed else ""
    lines = [
        tabulate(rows, headers=["post-processing", *METRICS.values()], disable_numparse=True),
        f"* headline. {scores.benchmark}: {features} features, {counts.treatments} treatments of {counts.compounds} compounds, "
        f"{counts.wells} wells ({counts.control_wells} controls){cells}{imputed}; "
        "95% intervals over compounds, without the spread over seeds.",
        *(f"note: {warning}" for warning in scores.warnings),
        *_unavailable(scores),
    ]
    return "\n".join(lines)


def _unavailable(scores: Scores) -> list[str]:
    """One line a reason."""
    reasons: dict[str, list[str]] = {}
    for entry in scores.panel:
        if not entry.available:
            reasons.setdefault(entry.reason or "", []).append(entry.postprocessing)
    return [f"not available: {', '.join(names)}: {reason}" for reason, names in reasons.items()]


def estimate_text(estimate: Estimate | None, *, n: bool = False) -> str:
    """``0.90 [0.81, 0.96]``, with ``n=103`` where asked."""
    if estimate is None:
        return "-"
    text = f"{estimate.value:.3f} [{estimate.low:.2f}, {estimate.high:.2f}]"
    return f"{text} n={estimate.n}" if n else text


def difference_text(difference: Difference | None) -> str:
    """``+0.12 [+0.03, +0.20], p=0.012``."""
    if difference is None:
        return "-"
    return f"{difference.value:+.3f} [{difference.low:+.2f}, {difference.high:+.2f}], p={difference.p:.2g}"


def _row(entry: PanelEntry, headline: str) -> list[str]:
    name = f"{entry.postprocessing}{' *' if entry.postprocessing == headline else ''}"
    return [name, *(estimate_text(getattr(entry, metric)) for metric in METRICS)]


def measures_table(measures: Measures) -> str:
    """The model's measures, a row each, beside those of its references, with their 95% intervals."""
    lines = [measures.result, *measures.references]
    headers = ["", *(line.name for line in lines)]
    rows = [
        [column_title(column, measures.headline), *(measure_text(line.measures.get(column.name)) for line in lines)]
        for column in measures.columns
    ]
    why = dict.fromkeys(measure.reason for line in lines for measure in line.measures.values() if measure.reason)
    told = [f"* headline. {measures.benchmark}; {measures.under}", *(f"note: {warning}" for warning in measures.warnings)]
    told += [f"no number, or no interval: {reason}" for reason in why]
    return "\n".join([tabulate(rows, headers=headers, disable_numparse=True), *told])


def column_title(column: Column, headline: str) -> str:
    """A column's title, the headline marked, and what is better."""
    better = {"lower": ", lower is better", "higher": ", higher is better", "neither": ""}[column.better]
    return f"{column.title}{' *' if column.name == headline else ''}{better}"


def measure_text(measure: Measure | None) -> str:
    """``0.900 [0.810, 0.960]``: all to the place of the third digit of the largest."""
    if measure is None or measure.value is None:
        return "-"
    bounds = [] if measure.low is None or measure.high is None else [measure.low, measure.high]
    largest = max(abs(number) for number in (measure.value, *bounds))
    places = 0 if largest == 0 else min(max(2 - math.floor(math.log10(largest)), 0), MOST_PLACES)
    interval = f" [{bounds[0]:.{places}f}, {bounds[1]:.{places}f}]" if bounds else ""
    return f"{measure.value:.{places}f}{interval}"
