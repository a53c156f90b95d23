"""The page of one run: what was run, what it scored, how its training went, and what would reproduce it."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Literal

import yaml
from jinja2 import Environment, StrictUndefined

from cytobench.files import write_text
from cytobench.results.measures import Measures
from cytobench.results.provenance import Provenance
from cytobench.results.record import RunRecord
from cytobench.results.runs import Run
from cytobench.results.schema import Estimate, Scores
from cytobench.results.tables import METRICS, column_title, difference_text, estimate_text, measure_text
from cytobench.results.training_history import TrainingHistory, read_training_history
from cytobench.schema import Record

REPORT = "report.html"
"""The page, in the run's folder."""

FILES = ("run.json", "scores.json", "predictions.csv", "profiles.parquet", "embeddings.npy", "weights.safetensors", "log.jsonl")
"""What a run may leave that the page links to."""


class Machine(Record):
    """Stages of a run that were made in one place."""

    stages: tuple[str, ...]
    provenance: Provenance


class Page(Record):
    """All that the template shows."""

    run: RunRecord
    stopped: bool
    """Whether the run was killed: its record still says running."""
    supervision: str
    recipe: str
    colours: tuple[tuple[str, str], ...]
    """The first three channels, and the colours that pictures of training and of cells show them in."""
    scores: Scores | None
    measures: Measures | None
    """What a benchmark of models found, where the run is one of such."""
    measured: tuple[str, ...]
    """The pictures of it."""
    nsc_range: tuple[float, float] | None
    """The least and the greatest NSC of the panel."""
    training: TrainingHistory | None
    latest: dict[str, float]
    """The last evaluation's measures."""
    warned: Literal["now", "before", "never"]
    """Whether the last evaluation warned, or only earlier ones."""
    twin: str | None
    """The twin's page or folder, from this page, where it is there."""
    pictures: tuple[str, ...]
    """Which of ``figures/scores.png``, ``training.png``, ``samples.png``, ``real.png`` and ``cells.png`` there are."""
    newest: int | None
    """The step of ``figures/samples.png``, where one of the numbered grids is the same picture."""
    earlier: dict[int, str]
    """Grids of earlier steps, newest first: step -> file."""
    files: tuple[str, ...]
    machines: tuple[Machine, ...]


def write_page(folder: Path) -> Path:
    """Write the page of a run into its folder, from what lies there.

    Args:
        folder: of a run in any state: finished, running, failed or interrupted; trained or not.

    Returns:
        The page, ``report.html``. It refers to the pictures of the folder by relative links.

    Raises:
        CytoBenchError: where the folder is no run's, or its scores or its log are damaged.
    """
    template = (files("cytobench.results") / "page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"estimate": _estimate, "difference": difference_text, "full_estimate": estimate_text}
    environment.filters |= {"measure": measure_text, "column_title": column_title}
    page = _page(Run.read(folder))
    text = environment.from_string(template).render(page=page, METRICS=METRICS)
    if not (folder / REPORT).is_file() or (folder / REPORT).read_text(encoding="utf-8") != text:
        write_text(folder / REPORT, text)
    return folder / REPORT


def _page(run: Run) -> Page:
    folder, record = run.path, run.record
    scores = run.scores if record.status == "finished" and record.requires == "profiles" else None
    measures = run.measures if record.status == "finished" and record.requires != "profiles" else None
    log = read_training_history(folder / "log.jsonl") if (folder / "log.jsonl").is_file() else None
    grids = _numbered_grids(folder)
    newest = _newest(folder, grids)
    figures = [f"figures/{name}.png" for name in ("scores", "training", "samples", "real", "cells")]
    return Page(
        run=record,
        stopped=run.stopped(),
        supervision="treatment"
        if record.recipe.get("condition") and record.card.supervision != "moa"
        else record.card.supervision,
        recipe=yaml.safe_dump(record.recipe, sort_keys=False, default_flow_style=None, width=100) if record.recipe else "",
        colours=tuple(zip(record.channels, ("blue", "green", "red"), strict=False)),
        scores=scores,
        measures=measures,
        measured=tuple(f"figures/measures/{picture.name}" for picture in sorted((folder / "figures/measures").glob("*.png"))),
        nsc_range=_nsc_range(scores) if scores else None,
        training=log,
        latest=log.latest() if log else {},
        warned=_warned(log),
        twin=_twin(folder, record),
        pictures=tuple(picture for picture in figures if (folder / picture).is_file()),
        newest=newest,
        earlier={step: f"figures/{grid.name}" for step, grid in grids.items() if step != newest},
        files=tuple(name for name in FILES if (folder / name).is_file()),
        machines=_machines(record),
    )


def _estimate(estimate: Estimate) -> str:
    return f"{estimate.low:.2f} to {estimate.high:.2f}, n = {estimate.n}"


def _nsc_range(scores: Scores) -> tuple[float, float] | None:
    values = [entry.nsc.value for entry in scores.panel if entry.nsc is not None]
    return (min(values), max(values)) if values else None


def _warned(log: TrainingHistory | None) -> Literal["now", "before", "never"]:
    if log is None or not log.warnings:
        return "never"
    return "now" if log.last_evaluation in log.warnings else "before"


def _twin(folder: Path, record: RunRecord) -> str | None:
    """A run's folder lies three below the runs folder, from which the twin's place is known."""
    if record.twin_folder is None:
        return None
    place = f"../../../{record.twin_folder}"
    return next((found for found in (f"{place}/{REPORT}", f"{place}/run.json") if (folder / found).is_file()), None)


def _numbered_grids(folder: Path) -> dict[int, Path]:
    """``figures/samples-STEP.png``, newest first."""
    named = {re.fullmatch(r"samples-(\d+)", grid.stem): grid for grid in (folder / "figures").glob("samples-*.png")}
    return dict(sorted(((int(name[1]), grid) for name, grid in named.items() if name), reverse=True))


def _newest(folder: Path, grids: dict[int, Path]) -> int | None:
    newest, step = folder / "figures" / "samples.png", next(iter(grids), None)
    return step if step is not None and newest.is_file() and newest.read_bytes() == grids[step].read_bytes() else None


def _machines(record: RunRecord) -> tuple[Machine, ...]:
    places = list(dict.fromkeys(stage.provenance.model_dump_json() for stage in record.stages.values()))
    made_in = {name: stage.provenance.model_dump_json() for name, stage in record.stages.items()}
    return tuple(
        Machine(
            stages=tuple(name for name, where in made_in.items() if where == place),
            provenance=Provenance.model_validate_json(place),
        )
        for place in places
    )
