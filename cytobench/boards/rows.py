"""What a board shows of each entry, and in which order."""

from __future__ import annotations

from cytobench.boards.entries import BoardEntry
from cytobench.boards.weights import Weights, begun_from, scored_weights
from cytobench.results.record import KEY_LENGTH, RunRecord, Unseen
from cytobench.results.schema import Counts, Difference, PanelEntry
from cytobench.schema import Record

IMAGE_CONTROLS = ("random", "intensity", "random-network")
"""Controls that stand on every board of images."""


class BoardRow(Record):
    """One row."""

    rank: int | None
    """Among the methods of its board; None for controls, for methods that saw MOA or do not say what they saw, and without a
    headline score."""
    method: str
    name: str
    """The method, and its recipe where the board has another of the same method."""
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
    unseen: Unseen | None
    """On treatments of which no cell was trained on, where only some cells were."""
    trained: bool
    untrained: bool
    """Whether it is the untrained twin of a trained method."""
    seconds: float | None
    """None where the embeddings were supplied."""
    peak_memory_bytes: int | None
    device: str | None
    recipe: str
    seed: int
    key: str
    weights: Weights | None
    """What was scored; None where nothing is trained."""
    begun_from: Weights | None
    """What was trained on; None where training began with random weights, or there was none."""
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
    warnings: tuple[str, ...]
    """What a reader of these scores must know about the data."""


def make_boards(entries: list[BoardEntry]) -> list[Board]:
    """Group entries by data and benchmark, real data first; what is simulated never shares a board with what is real."""
    groups: dict[tuple[bool, str, str], list[BoardEntry]] = {}
    for entry in entries:
        groups.setdefault((entry.run.simulated, entry.run.dataset_identity, entry.run.benchmark), []).append(entry)
    return sorted(map(_board, groups.values()), key=lambda board: (board.simulated, board.dataset, board.dataset_identity))


def _board(entries: list[BoardEntry]) -> Board:
    ordered = sorted(entries, key=lambda entry: (-_nsc(entry), entry.run.label, entry.run.keys.score))
    ranked = [_nsc(entry) for entry in ordered if _ranked(entry)]
    ranks = [1 + ranked.index(_nsc(entry)) if _ranked(entry) else None for entry in ordered]  # equal scores, equal ranks
    run, names = ordered[0].run, names_apart([entry.run for entry in ordered])
    return Board(
        dataset=_joined(sorted({entry.run.dataset for entry in entries})),
        dataset_identity=run.dataset_identity,
        simulated=run.simulated,
        benchmark=run.benchmark,
        headline=ordered[0].scores.headline,
        rows=tuple(_row(*each) for each in zip(ordered, ranks, names, strict=True)),
        missing_controls=_missing_controls(entries),
        warnings=tuple(sorted({warning for entry in entries for warning in entry.scores.warnings})),
    )


def _joined(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def names_apart(runs: list[RunRecord]) -> list[str]:
    """What tells the rows of a board apart."""
    recipes: dict[str, set[str]] = {}
    for run in runs:
        recipes.setdefault(run.label, set()).add(run.recipe_label)
    return [f"{run.label}, {run.recipe_label}" if len(recipes[run.label]) > 1 else run.label for run in runs]


def _row(entry: BoardEntry, rank: int | None, name: str) -> BoardRow:
    run, scores = entry.run, entry.scores
    range_over_panel = [panel.nsc.value for panel in scores.panel if panel.nsc is not None]
    computed = [] if run.supplied else [run.stages[name] for name in run.stage_names if name in run.stages]
    return BoardRow(
        rank=rank,
        method=run.label,
        name=name,
        title=run.card.title,
        kind="control" if run.untrained else run.card.kind,
        supervision=run.card.supervision,
        simulated=run.simulated,
        supplied=run.supplied,
        headline=scores.entry(),
        panel_low=min(range_over_panel, default=None),
        panel_high=max(range_over_panel, default=None),
        counts=scores.counts,
        cells_seen=run.cells_seen,
        twin=run.twin,
        unseen=run.unseen,
        trained="train" in run.stage_names,
        untrained=run.untrained,
        seconds=round(sum(stage.seconds for stage in computed), 1) if computed else None,
        peak_memory_bytes=max((stage.peak_memory_bytes for stage in computed), default=None),
        device=computed[0].device if computed else None,
        recipe=run.recipe_label,
        seed=run.seed,
        key=run.keys.score[:KEY_LENGTH],
        weights=scored_weights(run),
        begun_from=begun_from(run),
        command=run.command,
    )


def _ranked(entry: BoardEntry) -> bool:
    card = entry.run.card
    excluded = entry.run.untrained or card.kind == "control" or card.supervision in ("moa", "not stated")
    return not excluded and entry.scores.entry().nsc is not None


def _nsc(entry: BoardEntry) -> float:
    nsc = entry.scores.entry().nsc
    return nsc.value if nsc is not None else -1.0


def _missing_controls(entries: list[BoardEntry]) -> tuple[str, ...]:
    """The controls that this board should have and does not."""
    controls = {entry.run.method for entry in entries if entry.run.card.kind == "control" and not entry.run.supplied}
    wanted = {"batch"}
    wanted |= {name for name in IMAGE_CONTROLS if any(entry.run.card.input == "images" for entry in entries)}
    wanted |= {"cell-count" for entry in entries if entry.run.all_cells_counted}
    return tuple(sorted(wanted - controls) + without_twin([entry.run for entry in entries]))


def without_twin(runs: list[RunRecord]) -> list[str]:
    """The untrained twins that should stand beside these runs and do not."""
    folders = {run.folder.as_posix() for run in runs}
    learned = [run for run in runs if run.twin_folder is not None or "train" in run.stage_names]
    alone = [run for run in learned if run.twin_folder not in folders]
    return sorted(f"{run.method} (untrained), recipe {run.recipe_label}, seed {run.seed}" for run in alone)
