"""Boards of models as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from tabulate import tabulate

from cytobench.boards.measured import MeasuredBoard, MeasuredRow
from cytobench.boards.render import PICTURES, as_code, escape, picture_path
from cytobench.boards.weights import linked
from cytobench.files import sha256_text
from cytobench.results.measures import Column, Line
from cytobench.results.tables import column_title, measure_text
from cytobench.schema import Record

NOTES = """\
Each board is one data set under one benchmark, and under one way of measuring: scores in different feature spaces, or of
different numbers of cells, never share a column. Intervals are 95% and leave out the spread over training seeds. Rows without a
rank are controls: a model's untrained twin, and where there are such the floor (real cells against other real cells) and the
ceiling (noise). **Twin**: whether the headline's interval lies clear of that of the same model untrained; a model that is not
better than its twin has learned nothing of what is measured. Each column's meaning stands below its table, and what a model is
too weak for is said in words.
"""


class BoardFile(Record):
    """What ``phenotypes.json`` holds."""

    schema_version: int = 1
    boards: tuple[MeasuredBoard, ...]


def measured_markdown(boards: list[MeasuredBoard], heading: str) -> str:
    """One Markdown page with a picture and a table a board."""
    return "\n\n".join([f"# {heading}", "Generated; do not edit.", NOTES.rstrip(), *map(_section, boards)]) + "\n"


def measured_csv(boards: list[MeasuredBoard]) -> str:
    """One line a number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    about = ("row", "role", "part", "rank", "supervision", "recipe", "seed", "key")
    numbers = ("measure", "value", "low", "high", "n", "reason")
    writer.writerow(("dataset", "simulated", "benchmark", "under", *about, *numbers))
    for board in boards:
        where = (board.dataset, board.simulated, board.benchmark, board.under)
        for told, line in _lines(board):
            for name, one in line.measures.items():
                writer.writerow((*where, *told, name, one.value, one.low, one.high, one.n, one.reason))
    return text.getvalue()


def measured_json(boards: list[MeasuredBoard]) -> str:
    """The boards as they are typed."""
    return json.dumps(BoardFile(boards=tuple(boards)).model_dump(mode="json"), indent=1) + "\n"


def measured_picture(board: MeasuredBoard) -> str:
    """The path of a board's picture below the board."""
    told = sha256_text(board.under, *(line.model_dump_json() for line in board.references))[:6]
    return picture_path(PICTURES, board.dataset, board.dataset_identity, f"{board.benchmark}-{told}")


def _lines(board: MeasuredBoard) -> Iterator[tuple[tuple[object, ...], Line]]:
    """Every line of a board, and what is said of it in a table."""
    for row in board.rows:
        made = (row.rank, row.supervision, row.recipe, row.seed, row.key)
        yield (row.name, "control" if row.kind == "control" else "method", "", *made), row.line
        for part in row.parts:
            yield (row.name, part.role, part.name, *made), part
    for line in board.references:
        yield (line.name, line.role, "", *[""] * 5), line


def _section(board: MeasuredBoard) -> str:
    mark = "SIMULATED data: " if board.simulated else ""
    title = f"## {mark}{escape(board.dataset)} ({board.dataset_identity[:8]}), {escape(board.benchmark)}"
    parts = [
        title,
        f"Measured under: {escape(board.under)}.",
        f"![{escape(board.dataset)}]({measured_picture(board)})",
        _table(board),
    ]
    if board.simulated:
        parts.append("Simulated: these cells were drawn by a program. The numbers say nothing of real cells.")
    if board.missing:
        parts.append(f"Controls still missing here: {'; '.join(map(escape, board.missing))}.")
    parts.append("\n".join(f"- **{escape(column.title)}**: {escape(column.meaning)}" for column in board.columns))
    parts += [_warnings(board)] if any(row.warnings for row in board.rows) else []
    reasons = _reasons(board)
    parts += [f"No number, or no interval:\n\n{reasons}"] if reasons else []
    parts += [_parts(board, row) for row in board.rows if row.parts]
    commands = "\n".join(f"- {escape(row.name)}: {as_code(row.command)}" for row in board.rows if not row.untrained)
    return "\n\n".join([*parts, f"Each row again (an untrained twin is made with its method):\n\n{commands}"])


def _table(board: MeasuredBoard) -> str:
    titles = [escape(column_title(column, board.headline.name)) for column in board.columns]
    headers = ["rank", "model", "supervision", *titles, "twin", "cells seen", "cost", "recipe, seed", "weights"]
    best = [_reference(board, line) for line in board.references if line.role == "floor"]
    rest = [_reference(board, line) for line in board.references if line.role != "floor"]
    return tabulate([*best, *(_cells(board, row) for row in board.rows), *rest], headers, "pipe", disable_numparse=True)


def _reference(board: MeasuredBoard, line: Line) -> list[str]:
    return [line.role, escape(line.name), "-", *_numbers(board.columns, line), *["-"] * 5]


def _cells(board: MeasuredBoard, row: MeasuredRow) -> list[str]:
    cost = "-" if row.seconds is None else f"{row.seconds:.0f} s, {row.device}"
    rank = str(row.rank) if row.rank else "control" if row.kind == "control" else "-"
    told = [
        _twin(row),
        str(row.cells_seen or "-"),
        cost,
        f"{escape(row.recipe)}, {row.seed}",
        linked(row.weights) if row.weights else "-",
    ]
    return [rank, escape(row.name), row.supervision, *_numbers(board.columns, row.line), *told]


def _twin(row: MeasuredRow) -> str:
    if row.against_twin is None:
        return "-"
    verdict = "" if row.against_twin.verdict == "no better side" else f"{row.against_twin.verdict}: "
    return f"{verdict}{measure_text(row.against_twin.twin)}"


def _numbers(columns: tuple[Column, ...], line: Line) -> list[str]:
    return [measure_text(line.measures.get(column.name)) for column in columns]


def _warnings(board: MeasuredBoard) -> str:
    """Each warning once, with the rows that it is said of."""
    said: dict[str, list[str]] = {}
    for row in board.rows:
        for warning in row.warnings:
            said.setdefault(warning.removeprefix(f"{row.line.name}: "), []).append(row.name)
    of = {warning: "all" if len(rows) == len(board.rows) else "; ".join(rows) for warning, rows in said.items()}
    return "To be known:\n\n" + "\n".join(f"- {escape(rows)}: {escape(warning)}" for warning, rows in of.items())


def _reasons(board: MeasuredBoard) -> str:
    """Why numbers or intervals are missing in the table, each reason once."""
    said: dict[str, list[str]] = {}
    for line in (*board.references, *(row.line for row in board.rows)):
        for column in board.columns:
            reason = line.measures[column.name].reason if column.name in line.measures else None
            if reason and column.title not in said.setdefault(reason, []):
                said[reason].append(column.title)
    return "\n".join(f"- {escape(', '.join(titles))}: {escape(reason)}" for reason, titles in said.items())


def _parts(board: MeasuredBoard, row: MeasuredRow) -> str:
    shown = [column for column in board.columns if any(column.name in part.measures for part in row.parts)]
    lines = [[escape(part.name), *_numbers(tuple(shown), part)] for part in row.parts]
    inside = tabulate(lines, ["part", *(escape(column.title) for column in shown)], "pipe", disable_numparse=True)
    return f"<details><summary>{escape(row.name)}, by part</summary>\n\n{inside}\n\n</details>"
