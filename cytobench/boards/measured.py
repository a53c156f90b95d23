"""Boards of benchmarks of models: rows are models, beside what real cells and noise measure; columns are measures."""

from __future__ import annotations

from typing import Literal

from cytobench.boards.entries import MeasuredEntry
from cytobench.boards.rows import names_apart, without_twin
from cytobench.boards.weights import Weights, scored_weights
from cytobench.results.measures import Column, Line, Measure
from cytobench.results.record import KEY_LENGTH
from cytobench.schema import Record


class AgainstTwin(Record):
    """A model's headline beside that of the same model untrained."""

    twin: Measure
    verdict: Literal["better", "worse", "not told apart", "no better side"]
    """``not told apart``: the two intervals overlap, or one is missing."""


class MeasuredRow(Record):
    """A model."""

    rank: int | None
    """By the headline; None where neither direction of it is better, for controls and untrained twins, and for methods that saw
    MOA or do not say what they saw."""
    name: str
    title: str
    kind: str
    supervision: str
    untrained: bool
    line: Line
    against_twin: AgainstTwin | None
    """None for controls, and where the twin is not here."""
    parts: tuple[Line, ...]
    warnings: tuple[str, ...]
    cells_seen: int
    seconds: float | None
    """Of training and measuring."""
    device: str | None
    recipe: str
    seed: int
    key: str
    weights: Weights | None
    command: str


class MeasuredBoard(Record):
    """One data set under one benchmark of models, measured under one feature space, on equal numbers of cells."""

    dataset: str
    dataset_identity: str
    simulated: bool
    benchmark: str
    under: str
    headline: Column
    columns: tuple[Column, ...]
    rows: tuple[MeasuredRow, ...]
    references: tuple[Line, ...]
    missing: tuple[str, ...]
    """Untrained twins that should stand here and do not."""


def make_measured_boards(entries: list[MeasuredEntry]) -> list[MeasuredBoard]:
    """Group entries by data, benchmark and what they were measured under, real data first."""
    groups: dict[tuple[bool, str, str, str, str], list[MeasuredEntry]] = {}
    for entry in entries:
        run, references = entry.run, "".join(line.model_dump_json() for line in entry.measures.references)
        place = (run.simulated, run.dataset_identity, run.benchmark, entry.measures.under, references)
        groups.setdefault(place, []).append(entry)  # of other references, another board: they are equal for all of one
    boards = map(_board, groups.values())
    return sorted(boards, key=lambda board: (board.simulated, board.dataset, board.benchmark, board.under))


def _board(entries: list[MeasuredEntry]) -> MeasuredBoard:
    measures = entries[0].measures
    headline = next(column for column in measures.columns if column.name == measures.headline)
    ordered = sorted(entries, key=lambda entry: (_place(entry, headline), entry.run.label, entry.run.keys.score))
    ranked = [_place(entry, headline) for entry in ordered if _ranked(entry, headline)]
    ranks = [1 + ranked.index(_place(entry, headline)) if _ranked(entry, headline) else None for entry in ordered]
    names = names_apart([entry.run for entry in ordered])
    folders = {entry.run.folder.as_posix(): entry for entry in entries}
    twins = [_against(entry, folders.get(entry.run.twin_folder or ""), headline) for entry in ordered]
    run = entries[0].run
    return MeasuredBoard(
        dataset=run.dataset,
        dataset_identity=run.dataset_identity,
        simulated=run.simulated,
        benchmark=run.benchmark,
        under=measures.under,
        headline=headline,
        columns=measures.columns,
        rows=tuple(_row(*each) for each in zip(ordered, ranks, names, twins, strict=True)),
        references=measures.references,
        missing=tuple(without_twin([entry.run for entry in entries])),
    )


def _row(entry: MeasuredEntry, rank: int | None, name: str, twin: AgainstTwin | None) -> MeasuredRow:
    run, stages = entry.run, [entry.run.stages[stage] for stage in entry.run.stage_names if stage in entry.run.stages]
    return MeasuredRow(
        rank=rank,
        name=name,
        title=run.card.title,
        kind="control" if run.untrained else run.card.kind,
        supervision=run.card.supervision,
        untrained=run.untrained,
        line=entry.measures.result,
        against_twin=twin,
        parts=entry.measures.parts,
        warnings=entry.measures.warnings,
        cells_seen=run.cells_seen,
        seconds=round(sum(stage.seconds for stage in stages), 1) if stages else None,
        device=stages[0].device if stages else None,
        recipe=run.recipe_label,
        seed=run.seed,
        key=run.keys.score[:KEY_LENGTH],
        weights=scored_weights(run),
        command=run.command,
    )


def _ranked(entry: MeasuredEntry, headline: Column) -> bool:
    """Whether there is a better and a worse, and this is neither a control nor made with what is asked."""
    run = entry.run
    if headline.better == "neither":
        return False
    shown_only = run.untrained or run.card.kind == "control" or run.card.supervision in ("moa", "not stated")
    return not shown_only and _headline(entry).value is not None


def _against(entry: MeasuredEntry, twin: MeasuredEntry | None, headline: Column) -> AgainstTwin | None:
    """Whether training did anything for the headline."""
    if twin is None:
        return None
    mine, theirs = _headline(entry), _headline(twin)
    if headline.better == "neither":
        return AgainstTwin(twin=theirs, verdict="no better side")
    if None in (mine.low, mine.high, theirs.low, theirs.high):
        return AgainstTwin(twin=theirs, verdict="not told apart")
    assert mine.low is not None and mine.high is not None and theirs.low is not None and theirs.high is not None
    if mine.low <= theirs.high and theirs.low <= mine.high:
        return AgainstTwin(twin=theirs, verdict="not told apart")
    return AgainstTwin(twin=theirs, verdict="better" if (mine.high < theirs.low) == (headline.better == "lower") else "worse")


def _headline(entry: MeasuredEntry) -> Measure:
    return entry.measures.result.measures.get(entry.measures.headline, Measure(value=None))


def _place(entry: MeasuredEntry, headline: Column) -> float:
    """What a board is sorted by: small is good."""
    value = _headline(entry).value
    if value is None:
        return float("inf")
    return value if headline.better == "lower" else -value
