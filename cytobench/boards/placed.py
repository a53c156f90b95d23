"""Published figures at their points of the sensitivity map, beside what a method measured here gives at the same point."""

from __future__ import annotations

from tabulate import tabulate

from cytobench.boards.maps import MapRow
from cytobench.boards.render import escape
from cytobench.sensitivity.declaration import Metric, Setting
from cytobench.sensitivity.published import Figure, Published, PublishedResult

NOTE = """\
## Published figures on the map

Accuracies in percent, * where they were read in a second source. "stated" is the point at which a figure stands, as far as its
source states one, at the nearest value of our axes, and how many of the choices that is; what is not stated is taken as the
reference. Beside it is what the nearest
method that was measured here gives at that very point, and in brackets what the same profiles give at the reference: the
difference between the two is the protocol's share. Nearest is meant by what a method is, never by its score.
"""

HEADERS = (
    "method", "year", "supervision", "NSC", "NSCB", "post-processing", "stated",
    "nearest measured", "its NSC", "its NSCB", "source",
)  # fmt: skip


def published_section(published: Published, measured: list[tuple[str, str, MapRow]]) -> str:
    """The literature as a Markdown table.

    Args:
        published: the rows.
        measured: data set, name and row of each measured run, in the order in which they are preferred.
    """
    rows = [_cells(result, measured) for result in published.results]
    return f"{NOTE}\n{tabulate(rows, HEADERS, 'pipe', disable_numparse=True)}"


def _cells(result: PublishedResult, measured: list[tuple[str, str, MapRow]]) -> list[str]:
    found = _nearest(result, measured)
    stated = escape(", ".join(f"{axis} {value}" for axis, value in result.setting.items()))
    return [
        escape(result.method),
        str(result.year),
        escape(result.supervision),
        _figure(result.nsc),
        _figure(result.nscb),
        escape(result.postprocessing or "not stated"),
        f"{stated or 'nothing'} ({len(result.setting)} of {len(Setting.model_fields)})",
        "none yet" if found is None else f"{escape(found[1])} on {escape(found[0])}",
        "-" if found is None or result.nsc is None else _here(found[2], result, "nsc"),
        "-" if found is None or result.nscb is None else _here(found[2], result, "nscb"),
        escape(result.citation),
    ]


def _nearest(result: PublishedResult, measured: list[tuple[str, str, MapRow]]) -> tuple[str, str, MapRow] | None:
    for method in result.nearest:
        for one in measured:
            if one[2].record.label == method:
                return one
    return None


def _here(row: MapRow, result: PublishedResult, metric: Metric) -> str:
    """What ``row`` gives at the point of a published figure, and at the reference."""
    point = row.points.get(result.place(row.record.reference))
    if point is None:
        return "not measured"
    if not point.available:
        return f"not available: {escape(point.reason or '')}"
    score, reference = getattr(point, metric), row.score(metric)
    if score is None or reference is None:
        return "-"
    return f"{100 * score.value:.1f} \\[{100 * reference.value:.1f}\\]"


def _figure(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    return f"{figure.percent:g}" + ("" if figure.read_in == "source" else "\\*")
