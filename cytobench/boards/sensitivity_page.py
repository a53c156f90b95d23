"""The page of the sensitivity map: how much of each method's score, and of published figures, is protocol."""

from __future__ import annotations

from tabulate import tabulate

from cytobench.boards.maps import SensitivityMap
from cytobench.boards.placed import published_section
from cytobench.boards.render import escape
from cytobench.results.tables import METRICS as NAMES
from cytobench.results.tables import estimate_text
from cytobench.sensitivity.declaration import METRICS, Declaration, Metric
from cytobench.sensitivity.published import Published
from cytobench.sensitivity.record import Score

HEAD = """\
# How much of a score is protocol

Generated; do not edit.

Each method's profiles are scored here under every choice that publications make between cells and a number and seldom state; the
representation stays as it is. A column says how far a score moves from the reference, which is what the benchmark's protocol
pins, when one choice alone is changed, and the range is that over all combinations of the choices that are marked as factorial,
each counted once (dots in the pictures are post-processings with all else at the reference, thin bars the range, thick bars its
middle half). The map shows ranges and recommends no setting: to choose one by these scores would be to choose by the MOA.
"""


def page(maps: list[SensitivityMap], published: Published) -> str:
    """The whole page as Markdown."""
    parts = [HEAD.rstrip(), *map(_section, maps)]
    if maps:
        parts.append(_choices(maps[0].declaration))
    if published.results:
        parts.append(published_section(published, [(one.dataset, row.name, row) for one in maps for row in one.rows]))
    return "\n\n".join(parts) + "\n"


def _section(one: SensitivityMap) -> str:
    title = f"## {escape(one.dataset)} ({one.identity[:8]}), {escape(one.benchmark)}"
    parts = [title, f"![{escape(one.dataset)}]({one.picture})"]
    for metric in METRICS:
        parts += [f"### {NAMES[metric]}: the change when one choice is changed", _axes_table(one, metric)]
    parts += ["### Both ends of the range", _ends_table(one)]
    for metric in METRICS:
        parts += [f"### {NAMES[metric]} under each post-processing", _postprocessing_table(one, metric)]
    reasons = _reasons(one)
    return "\n\n".join([*parts, *([f"Not available (-):\n\n{reasons}"] if reasons else [])])


def _axes_table(one: SensitivityMap, metric: Metric) -> str:
    declared = one.declaration
    columns = [(axis, value) for axis, value in declared.alternatives() if metric in declared.axes[axis].moved_by(value)]
    ranged = any(row.record.extent(metric) for row in one.rows)
    headers = [
        "method",
        "reference",
        *(f"{axis}: {value}" for axis, value in columns),
        *(["range"] if ranged else []),
    ]
    rows = []
    for row in one.rows:
        changes = [_change(row.score(metric), row.score(metric, **{axis: value})) for axis, value in columns]
        rows.append([escape(row.name), estimate_text(row.record.intervals.get(metric)), *changes])
        extent = row.record.extent(metric)
        if ranged:
            rows[-1].append("-" if extent is None else f"{extent.low:.3f} to {extent.high:.3f}")
    return tabulate(rows, [escape(header) for header in headers], "pipe", disable_numparse=True)


def _change(reference: Score | None, score: Score | None) -> str:
    return "-" if reference is None or score is None else f"{score.value - reference.value:+.3f}"


def _ends_table(one: SensitivityMap) -> str:
    rows = [
        [
            escape(row.name),
            NAMES[extent.metric],
            str(extent.settings),
            str(extent.unavailable),
            f"{extent.low:.3f}",
            setting_text(extent.at_low),
            f"{extent.high:.3f}",
            setting_text(extent.at_high),
            ", ".join(f"{value:.3f}" for value in extent.quantiles.values()),
        ]
        for row in one.rows
        for extent in row.record.extents
    ]
    headers = [
        "method", "score", "settings", "not available", "least", "at", "greatest", "at", "5, 25, 50, 75 and 95% of the settings",
    ]  # fmt: skip
    return tabulate(rows, headers, "pipe", disable_numparse=True)


def _postprocessing_table(one: SensitivityMap, metric: Metric) -> str:
    rows = []
    for name in one.declaration.postprocessings:
        scores = [row.score(metric, postprocessing=name) for row in one.rows]
        rows.append([escape(name), *("-" if score is None else f"{score.value:.3f}" for score in scores)])
    return tabulate(rows, ["post-processing", *(escape(row.name) for row in one.rows)], "pipe", disable_numparse=True)


def _reasons(one: SensitivityMap) -> str:
    """One line for each reason and the methods that share it."""
    methods: dict[tuple[str, str], list[str]] = {}
    for row in one.rows:
        for point in row.record.points:
            if not point.available and len(point.changed) <= 1:
                methods.setdefault((point.reason or "", setting_text(point.changed)), []).append(escape(row.name))
    values: dict[tuple[str, str], list[str]] = {}
    for (reason, value), names in methods.items():
        values.setdefault((reason, ", ".join(names)), []).append(value)
    return "\n".join(f"- {', '.join(said)} of {names}: {escape(reason)}" for (reason, names), said in values.items())


def _choices(declaration: Declaration) -> str:
    rows = []
    for name, axis in declaration.axes.items():
        for value, choice in axis.values.items():
            mark = " (reference)" if value == axis.reference else ""
            combined = "yes" if axis.factorial else "no"
            used = "; ".join(map(escape, choice.used_by)) or "-"
            rows.append([escape(name), escape(value) + mark, escape(choice.says), used, combined])
    headers = ["choice", "value", "what it is", "used by", "factorial"]
    return "## The choices\n\n" + tabulate(rows, headers, "pipe", disable_numparse=True)


def setting_text(changed: dict[str, str]) -> str:
    """What a setting changes of the reference."""
    return escape(", ".join(f"{axis} {value}" for axis, value in changed.items())) or "the reference"
