"""Boards of models as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json

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
ceiling (noise). Each column's meaning stands below its table, and what a model is too weak for is said in words.
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
    named = (
        "dataset",
        "simulated",
        "benchmark",
        "under",
        "row",
        "role",
        "part",
        "measure",
        "value",
        "low",
        "high",
        "n",
        "reason",
    )
    writer.writerow((*named, "key"))
    for board in boards:
        where = (board.dataset, board.simulated, board.benchmark, board.under)
        for row, role, part, line, key in _lines(board):
            for name, one in line.measures.items():
                writer.writerow((*where, row, role, part, name, one.value, one.low, one.high, one.n, one.reason, key))
    return text.getvalue()


def measured_json(boards: list[MeasuredBoard]) -> str:
    """The boards as they are typed."""
    return json.dumps(BoardFile(boards=tuple(boards)).model_dump(mode="json"), indent=1) + "\n"


def measured_picture(board: MeasuredBoard) -> str:
    """The path of a board's picture below the board."""
    told = sha256_text(board.under, *(line.model_dump_json() for line in board.references))[:6]
    return picture_path(PICTURES, board.dataset, board.dataset_identity, f"{board.benchmark}-{told}")


def _lines(board: MeasuredBoard) -> list[tuple[str, str, str, Line, str]]:
    lines = [(row.name, "control" if row.untrained else "method", "", row.line, row.key) for row in board.rows]
    lines += [(line.name, line.role, "", line, "") for line in board.references]
    return lines + [(row.name, "part", part.name, part, row.key) for row in board.rows for part in row.parts]


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
    parts += [_parts(board, row) for row in board.rows if row.parts]
    commands = "\n".join(f"- {escape(row.name)}: {as_code(row.command)}" for row in board.rows if not row.untrained)
    return "\n\n".join([*parts, f"Each row again (an untrained twin is made with its method):\n\n{commands}"])


def _table(board: MeasuredBoard) -> str:
    titles = [escape(column_title(column, board.headline.name)) for column in board.columns]
    headers = ["rank", "model", "supervision", *titles, "cells seen", "cost", "recipe, seed", "weights"]
    best = [_reference(board, line) for line in board.references if line.role == "floor"]
    rest = [_reference(board, line) for line in board.references if line.role != "floor"]
    return tabulate([*best, *(_cells(board, row) for row in board.rows), *rest], headers, "pipe", disable_numparse=True)


def _reference(board: MeasuredBoard, line: Line) -> list[str]:
    return [line.role, escape(line.name), "-", *_numbers(board.columns, line), "-", "-", "-", "-"]


def _cells(board: MeasuredBoard, row: MeasuredRow) -> list[str]:
    cost = "-" if row.seconds is None else f"{row.seconds:.0f} s, {row.device}"
    rank = str(row.rank) if row.rank else "control" if row.kind == "control" else "-"
    told = [str(row.cells_seen or "-"), cost, f"{escape(row.recipe)}, {row.seed}", linked(row.weights) if row.weights else "-"]
    return [rank, escape(row.name), row.supervision, *_numbers(board.columns, row.line), *told]


def _numbers(columns: tuple[Column, ...], line: Line) -> list[str]:
    return [measure_text(line.measures.get(column.name)) for column in columns]


def _warnings(board: MeasuredBoard) -> str:
    """Each warning once, with the rows that it is said of."""
    said: dict[str, list[str]] = {}
    for row in board.rows:
        for warning in row.warnings:
            said.setdefault(warning, []).append(row.name)
    of = {warning: "all" if len(rows) == len(board.rows) else ", ".join(rows) for warning, rows in said.items()}
    return "To be known:\n\n" + "\n".join(f"- {escape(rows)}: {escape(warning)}" for warning, rows in of.items())


def _parts(board: MeasuredBoard, row: MeasuredRow) -> str:
    shown = [column for column in board.columns if any(column.name in part.measures for part in row.parts)]
    lines = [[escape(part.name), *_numbers(tuple(shown), part)] for part in row.parts]
    inside = tabulate(lines, ["part", *(escape(column.title) for column in shown)], "pipe", disable_numparse=True)
    return f"<details><summary>{escape(row.name)}, by part</summary>\n\n{inside}\n\n</details>"
