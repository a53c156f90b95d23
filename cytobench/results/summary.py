"""What ``--json`` prints of a run: a contract that other programs rely on."""

from __future__ import annotations

from cytobench.results.measures import Measures
from cytobench.results.record import Unseen
from cytobench.results.runs import Run
from cytobench.results.schema import Difference, PanelEntry
from cytobench.schema import Record


class RunSummary(Record):
    """One run and its whole panel."""

    method: str
    dataset: str
    benchmark: str
    simulated: bool
    run: str
    headline: str
    twin: Difference | None
    unseen: Unseen | None
    """On treatments of which no cell was trained on, where the run was trained on some only."""
    panel: tuple[PanelEntry, ...]


class MeasuresSummary(Record):
    """One run and what a benchmark of models found."""

    method: str
    dataset: str
    benchmark: str
    simulated: bool
    run: str
    measures: Measures


class TrainingSummary(Record):
    """What ``cytobench train --json`` prints of a run."""

    method: str
    dataset: str
    simulated: bool
    run: str
    weights_sha256: str
    cells_seen: int
    kept_step: int | None
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.method} on {self.dataset}: trained on {self.cells_seen:,} cells in {self.seconds:.0f} s\n"
            f"run:     {self.run}\nweights: sha256 {self.weights_sha256}"
        )


class EmbeddingSummary(Record):
    """What ``cytobench embed --json`` prints of a run."""

    method: str
    dataset: str
    simulated: bool
    run: str
    files: tuple[str, ...]
    """In the run's folder: a vector a cell, where it has cells, and a profile a well."""
    seconds: float

    def __str__(self) -> str:
        took = f"{self.method} on {self.dataset}: embedded in {self.seconds:.0f} s"
        return f"{took}\nrun:   {self.run}\nfiles: {', '.join(self.files)}"


def summarise_embedding(run: Run) -> EmbeddingSummary:
    """Summarise a run whose cells are embedded."""
    record = run.record
    return EmbeddingSummary(
        method=record.label,
        dataset=record.dataset,
        simulated=record.simulated,
        run=str(run.path),
        files=tuple(record.stages["embed"].outputs),
        seconds=record.stages["embed"].seconds,
    )


def summarise_training(run: Run) -> TrainingSummary:
    """Summarise a run whose training is done."""
    record = run.record
    return TrainingSummary(
        method=record.label,
        dataset=record.dataset,
        simulated=record.simulated,
        run=str(run.path),
        weights_sha256=str(record.weights_sha256),
        cells_seen=record.cells_seen,
        kept_step=record.kept_step,
        seconds=record.stages["train"].seconds,
    )


def summarise(run: Run) -> RunSummary | MeasuresSummary:
    """Summarise a finished run."""
    record = run.record
    if record.requires != "profiles":
        return MeasuresSummary(
            method=record.label,
            dataset=record.dataset,
            benchmark=record.benchmark,
            simulated=record.simulated,
            run=str(run.path),
            measures=run.measures,
        )
    scores = run.scores
    return RunSummary(
        method=record.label,
        dataset=record.dataset,
        benchmark=record.benchmark,
        simulated=record.simulated,
        run=str(run.path),
        headline=scores.headline,
        twin=record.twin,
        unseen=record.unseen,
        panel=scores.panel,
    )
