"""Boards as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence

from tabulate import tabulate

from cytobench.boards.rows import Board, BoardRow
from cytobench.boards.weights import Weights, linked
from cytobench.results.tables import METRICS, difference_text, estimate_text

PICTURES = "pictures"
"""The folder of the boards' pictures."""

NOTES = """\
Scores are 1-nearest-neighbour accuracies under the headline post-processing with 95% intervals over compounds; they leave out
the spread over training seeds. **NSC**: not-same-compound, over treatments. **NSC/compound**: the same, averaged over compounds.
**NSCB**: not-same-compound-and-batch. **Panel**: the range of NSC over the whole post-processing panel. **Twin**: paired
difference in NSC from the method's own untrained twin, with the p-value of a randomisation test. Replicate mAP uses no MOA, but
all replicates of a BBBC021 treatment sit in one well position, so position and biology are confounded: choose nothing by it.
Controls have no rank: a method that does not beat them has learned nothing. **Weights**: the beginning of their sha256, linked to
where they are published.
"""

HEADERS = (
    "rank",
    "method",
    "supervision",
    *METRICS.values(),
    "panel",
    "treatments / wells / cells",
    "cells seen",
    "twin",
    "cost",
    "recipe, seed",
    "key",
    "weights",
)


def markdown(boards: list[Board], heading: str, *, wrong: Sequence[str] = ()) -> str:
    """One Markdown page with a picture and a table a board; ``wrong`` says which runs cannot be shown, and why."""
    parts = [f"# {heading}", "Generated; do not edit.", NOTES.rstrip(), *map(_section, boards)]
    if wrong:
        parts.append("Not shown:\n\n" + "\n".join(f"- {escape(sentence)}" for sentence in wrong))
    return "\n\n".join(parts) + "\n"


def table(board: Board) -> str:
    """The rows of a board as a Markdown table."""
    return tabulate([_cells(row) for row in board.rows], HEADERS, "pipe", disable_numparse=True)


def _section(board: Board) -> str:
    parts = [_title(board), f"![{escape(board.dataset)}]({picture_name(board)})", table(board)]
    if board.simulated:
        parts.append("Simulated: these cells were drawn by a program. The scores say nothing of real cells.")
    parts += [f"Of these data: {escape(warning)}." for warning in board.warnings]
    if board.missing_controls:
        parts.append(f"Controls still missing here: {'; '.join(map(escape, board.missing_controls))}.")
    commands = "\n".join(f"- {escape(row.name)}: {as_code(row.command)}" for row in board.rows if not row.untrained)
    return "\n\n".join([*parts, f"Each row again (an untrained twin is made with its method):\n\n{commands}"])


def as_code(text: str) -> str:
    """Write a command as Markdown that shows it as it is."""
    return f"`{' '.join(text.replace('`', ' ').split())}`"


def as_csv(boards: list[Board]) -> str:
    """One line a row, numbers plain."""
    flat = [_flat(board, row) for board in boards for row in board.rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(flat[0]) if flat else ["dataset"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def as_json(boards: list[Board]) -> str:
    """The boards as they are typed."""
    return json.dumps({"schema_version": 1, "boards": [board.model_dump(mode="json") for board in boards]}, indent=1) + "\n"


def escape(text: str) -> str:
    """Make a name harmless in a Markdown table and in the HTML that is made of it."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for character in "\\|`*_[]":
        text = text.replace(character, f"\\{character}")
    return text


def picture_name(board: Board) -> str:
    """The path of a board's picture below the board."""
    return picture_path(PICTURES, board.dataset, board.dataset_identity, board.benchmark)


def picture_path(folder: str, dataset: str, identity: str, benchmark: str) -> str:
    """The path below the leaderboards of what is drawn of one data set under one benchmark."""
    return f"{folder}/" + re.sub(r"[^\w.-]+", "-", f"{dataset[:40]}-{identity[:8]}-{benchmark}.svg")


def _title(board: Board) -> str:
    mark = "SIMULATED data: " if board.simulated else ""
    return f"## {mark}{escape(board.dataset)} ({board.dataset_identity[:8]}), {board.benchmark}, headline {board.headline}"


def _cells(row: BoardRow) -> list[str]:
    entry = row.headline
    scores = [estimate_text(getattr(entry, metric)) for metric in METRICS]
    if not entry.available:
        scores[0] = f"not available: {escape(entry.reason or '')}"
    counts = row.counts
    cells = "-" if counts.cells is None else str(counts.cells)
    panel = "-" if row.panel_low is None else f"{row.panel_low:.2f} to {row.panel_high:.2f}"
    method = escape(row.name) + (" (embeddings supplied)" if row.supplied else "")
    cost = "-"
    if row.seconds is not None and row.peak_memory_bytes is not None:
        cost = f"{row.seconds:.0f} s, {row.peak_memory_bytes / 2**20:.0f} MiB, {row.device}"
    begun = "" if row.begun_from is None else f", trained on from {linked(row.begun_from)}"
    return [
        "control" if row.kind == "control" else str(row.rank or "-"),
        method,
        row.supervision,
        *scores,
        panel,
        f"{counts.treatments} / {counts.wells} / {cells}",
        str(row.cells_seen or "-"),
        difference_text(row.twin),
        cost,
        f"{escape(row.recipe)}, {row.seed}{_unseen(row)}",
        row.key,
        "-" if row.weights is None else linked(row.weights) + begun,
    ]


def _unseen(row: BoardRow) -> str:
    """The score on treatments of which no cell was trained on, beside the choice of cells in the recipe."""
    return "" if row.unseen is None else f"; NSC of the {row.unseen.nsc.n} treatments never seen {estimate_text(row.unseen.nsc)}"


def _flat(board: Board, row: BoardRow) -> dict[str, object]:
    flat: dict[str, object] = {
        "dataset": board.dataset,
        "simulated": board.simulated,
        "benchmark": board.benchmark,
        "headline": board.headline,
        "rank": row.rank,
        "method": row.method,
        "kind": row.kind,
        "supervision": row.supervision,
        "supplied": row.supplied,
    }
    for metric in METRICS:
        estimate = getattr(row.headline, metric)
        for part in ("value", "low", "high", "n"):
            flat[f"{metric}_{part}"] = None if estimate is None else getattr(estimate, part)
    for part in ("value", "low", "high", "n"):
        flat[f"unseen_nsc_{part}"] = None if row.unseen is None else getattr(row.unseen.nsc, part)
    for part in ("value", "low", "high", "p"):
        flat[f"twin_{part}"] = None if row.twin is None else getattr(row.twin, part)
    return flat | {
        "panel_low": row.panel_low,
        "panel_high": row.panel_high,
        "treatments": row.counts.treatments,
        "wells": row.counts.wells,
        "control_wells": row.counts.control_wells,
        "cells": row.counts.cells,
        "cells_seen": row.cells_seen,
        "seconds": row.seconds,
        "peak_memory_bytes": row.peak_memory_bytes,
        "device": row.device,
        "recipe": row.recipe,
        "seed": row.seed,
        "key": row.key,
        **_flat_weights("weights", row.weights),
        **_flat_weights("begun_from", row.begun_from),
        "command": row.command,
    }


def _flat_weights(name: str, weights: Weights | None) -> dict[str, str | None]:
    sha256, address = (None, None) if weights is None else (weights.sha256, weights.address)
    return {f"{name}_sha256": sha256, f"{name}_address": address}
