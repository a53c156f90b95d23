"""What ``--json`` prints of a run: a contract that other programs rely on."""

from __future__ import annotations

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
    panel: tuple[PanelEntry, ...]


def summarise(run: Run) -> RunSummary:
    """Summarise a finished run."""
    record, scores = run.record, run.scores
    return RunSummary(
        method=record.label,
        dataset=record.dataset,
        benchmark=record.benchmark,
        simulated=record.simulated,
        run=str(run.path),
        headline=scores.headline,
        twin=record.twin,
        panel=scores.panel,
    )
