"""How runs are printed: for people on stdout as a table, for programs as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cytobench.results.runs import Run
    from cytobench.schema import Record


def echo_json(records: Sequence[Record], *, single: bool) -> None:
    """Print one record, or ``{"runs": [...]}`` of several."""
    plain = [record.model_dump(mode="json") for record in records]
    click.echo(json.dumps(plain[0] if single else {"runs": plain}, indent=1))


def echo_run(run: Run, runs: Path) -> None:
    """Print a run's scores and where everything lies."""
    from cytobench.results.tables import difference_text, estimate_text

    record, found = run.record, run.scores if run.record.requires == "profiles" else run.measures
    mark = "SIMULATED data: these scores say nothing of real cells\n" if record.simulated else ""
    click.echo(f"{mark}{record.label} on {record.dataset}, seed {record.seed}\n\n{found}\n")
    if record.twin is not None:
        click.echo(f"against its untrained twin, NSC: {difference_text(record.twin)}")
    if record.unseen is not None:
        click.echo(
            f"on the {record.unseen.nsc.n} treatments of which no cell was trained on, NSC: {estimate_text(record.unseen.nsc)}"
        )
        if record.unseen.twin is not None:
            click.echo(f"against its untrained twin on these: {difference_text(record.unseen.twin)}")
    page = "board.md" if record.requires == "profiles" else "phenotypes.md"
    click.echo(f"run:   {run.path}\nboard: {runs / page}")
