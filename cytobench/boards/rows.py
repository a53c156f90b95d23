"""What a board shows of each entry, and in which order."""

from __future__ import annotations

from cytobench.boards.entries import BoardEntry
from cytobench.results.record import KEY_LENGTH
from cytobench.results.schema import Counts, Difference, PanelEntry
from cytobench.schema import Record

IMAGE_CONTROLS = ("random", "intensity", "random-network")
"""Controls that stand on every board of images."""


class BoardRow(Record):
    """One row."""

    rank: int | None
    """Among the methods of its board; None for controls, for methods trained on MOA, and without a headline score."""
    method: str
    title: str
    kind: str
    supervision: str
    simulated: bool
    supplied: bool
    headline: PanelEntry
    panel_low: float | None
    panel_high: float | None
    """The range of NSC over the post-processings that are available."""
    counts: Counts
    cells_seen: int
    twin: Difference | None
    trained: bool
    seconds: float
    peak_memory_bytes: int
    device: str
    recipe: str | None
    seed: int
    key: str
    command: str


class Board(Record):
    """One board: one data set under one benchmark."""

    dataset: str
    dataset_identity: str
    simulated: bool
    benchmark: str
    headline: str
    rows: tuple[BoardRow, ...]
    missing_controls: tuple[str, ...]


def make_boards(entries: list[BoardEntry]) -> list[Board]:
    """Group entries by data set and benchmark, real data first; what is simulated never shares a board with what is real."""
    groups: dict[tuple[bool, str, str, str], list[BoardEntry]] = {}
    for entry in entries:
        run = entry.run
        groups.setdefault((run.simulated, run.dataset, run.dataset_identity, run.benchmark), []).append(entry)
    return [_board(group) for _, group in sorted(groups.items())]


def _board(entries: list[BoardEntry]) -> Board:
    ordered = sorted(entries, key=lambda entry: (-_nsc(entry), entry.run.label, entry.run.keys.score))
    rows, rank = [], 0
    for entry in ordered:
        ranked = _ranked(entry)
        rank += ranked
        rows.append(_row(entry, rank if ranked else None))
    run, scores = ordered[0].run, ordered[0].scores
    return Board(
        dataset=run.dataset, dataset_identity=run.dataset_identity, simulated=run.simulated, benchmark=run.benchmark,
        headline=scores.headline, rows=tuple(rows), missing_controls=_missing_controls(entries),
    )  # fmt: skip


def _row(entry: BoardEntry, rank: int | None) -> BoardRow:
    run, scores = entry.run, entry.scores
    range_over_panel = [panel.nsc.value for panel in scores.panel if panel.nsc is not None]
    return BoardRow(
        rank=rank, method=run.label, title=run.card.title, kind="control" if run.untrained else run.card.kind,
        supervision=run.card.supervision, simulated=run.simulated, supplied=run.supplied, headline=scores.entry(),
        panel_low=min(range_over_panel, default=None), panel_high=max(range_over_panel, default=None), counts=scores.counts,
        cells_seen=run.cells_seen, twin=run.twin, trained=run.card.trained and not run.untrained,
        seconds=round(sum(stage.seconds for stage in run.stages.values()), 1),
        peak_memory_bytes=max(stage.peak_memory_bytes for stage in run.stages.values()),
        device=next((stage.device for name, stage in run.stages.items() if name != "score"), "cpu"),
        recipe=run.recipe_name, seed=run.seed, key=run.keys.score[:KEY_LENGTH], command=run.command,
    )  # fmt: skip


def _ranked(entry: BoardEntry) -> bool:
    card = entry.run.card
    return (
        not entry.run.untrained and card.kind != "control" and card.supervision != "moa" and entry.scores.entry().nsc is not None
    )


def _nsc(entry: BoardEntry) -> float:
    nsc = entry.scores.entry().nsc
    return nsc.value if nsc is not None else -1.0


def _missing_controls(entries: list[BoardEntry]) -> tuple[str, ...]:
    """The controls that this board should have and does not."""
    present = {(entry.run.label, entry.run.recipe_name, entry.run.seed) for entry in entries}
    wanted = {("batch",)}
    wanted |= {(name,) for name in IMAGE_CONTROLS if any(entry.run.card.input == "images" for entry in entries)}
    wanted |= {("cell-count",) for entry in entries if entry.run.all_cells_counted}
    missing = sorted(name for (name,) in wanted if not any(label == name for label, _, _ in present))
    for entry in entries:
        run = entry.run
        twin = (f"{run.method} (untrained)", run.recipe_name, run.seed)
        if run.card.trained and not run.untrained and twin not in present:
            missing.append(f"{twin[0]}, recipe {run.recipe_name}, seed {run.seed}")
    return tuple(missing)
