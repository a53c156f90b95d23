"""The path of the data: data set -> cells -> embeddings -> profiles -> scores -> result -> board."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from lightning_fabric import Fabric

from cytobench.benchmark import ProfileBenchmark
from cytobench.boards.build import refresh_run_board
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.files import write_text
from cytobench.fitting import fit, join, train
from cytobench.measuring import MEASURED, PICTURES, measure
from cytobench.phenotypes.benchmark import ModelBenchmark
from cytobench.plan import Plan
from cytobench.planning import make_plan
from cytobench.representing import CELLS_PICTURE, EMBEDDINGS, PROFILES, join_embedding, represent, represent_share
from cytobench.results.figures import draw_scores
from cytobench.results.page import write_page
from cytobench.results.runs import Run, Until
from cytobench.schema import dump_json
from cytobench.training.checkpoint import STATE, WEIGHTS
from cytobench.training.launch import is_first_process
from cytobench.training.log import LOG
from cytobench.twins import against_twin
from cytobench.workers import cores_or_cluster

TRAIN_PICTURES = ("figures/training.png", "figures/samples.png", "figures/real.png")
SCORE_OUTPUTS = ("scores.json", "predictions.csv", "figures/scores.png")
"""What the stages of a run write, beside their own files."""


def run(
    method: str,
    dataset: str = "simulated",
    *,
    benchmark: str = "bbbc021-moa",
    recipe: str | None = None,
    options: Sequence[str] = (),
    seed: int = 0,
    runs: Path = Path("runs"),
    device: str = "auto",
    plugin: Path | None = None,
    start: str | None = None,
    checkpoint: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = False,
) -> Run:
    """Train (where there is something to train), embed and score one method, and its untrained twin.

    Args:
        method: a registered name.
        dataset: a registered name, the folder of a cell store, or (for methods that see wells only) a profile table.
        benchmark: a registered name.
        recipe: a variant of the method's recipe; its first where None.
        options: ``key=value`` changes to the recipe.
        seed: of weights, noise and the order of cells.
        runs: where run folders are made.
        device: ``auto``, ``cpu`` or ``cuda``.
        plugin: a Python file with one more method.
        start: the folder of a run, or a fetched checkpoint, to train on from with the cells of ``dataset``.
        checkpoint: the same, to use as it is.
        workers: processes on this machine for a method that measures one cell after another; its cores where None.
        scheduler: address of a Dask scheduler whose workers do that instead, ``tcp://host:port``.
        progress: show progress bars on stderr.

    Returns:
        The finished run; stages that were already done are not done again. A process that ``torchrun`` started to help the first
        one train ends here.

    Raises:
        CytoBenchError: in one sentence, what is wrong.
    """
    plan = make_plan(
        method,
        dataset,
        benchmark=benchmark,
        recipe=recipe,
        options=options,
        seed=seed,
        device=device,
        plugin=plugin,
        start=start,
        checkpoint=checkpoint,
    )
    with cores_or_cluster(workers, scheduler):
        outcome = run_plan(plan, runs, progress=progress)
    if outcome is None:
        sys.exit(0)
    return outcome


def run_plan(plan: Plan, runs: Path, *, progress: bool = False, until: Until = "finished") -> Run | None:
    """Do what ``plan`` says below ``runs``, and refresh the board there.

    Args:
        plan: what to do.
        runs: where run folders are made.
        progress: show progress bars on stderr.
        until: ``trained`` stops before cells are embedded, ``embedded`` before anything is scored.

    Returns:
        The run; None in a process that ``torchrun`` started to help the first one.
    """
    if until == "embedded" and isinstance(plan.benchmark, ModelBenchmark):
        raise CytoBenchError(f"{plan.benchmark.name} is put to the model itself and embeds nothing; leave the benchmark out")
    try:
        outcome = _take_part(plan, runs, progress, until)
    except BaseException:
        if is_first_process():
            _show_failure(Run.at(runs, plan.record()).path)
        raise
    twin = _take_part(plan.twin(), runs, progress, until) if plan.has_twin and until == "finished" else None
    if outcome is None:
        return None
    if twin is not None:
        found = against_twin(plan, outcome, twin)
        if found != {name: getattr(outcome.record, name) for name in found}:
            outcome.update(**found)
        write_page(twin.path)
    write_page(outcome.path)
    refresh_run_board(runs)
    return outcome


def _take_part(plan: Plan, runs: Path, progress: bool, until: Until) -> Run | None:
    """Do one run, or in a process that is not the first, its share of the training and the embedding; that returns None."""
    training = join(plan, runs)
    embeds = until != "trained" and isinstance(plan.benchmark, ProfileBenchmark)
    embedding = join_embedding(plan, runs) if embeds else None
    if is_first_process():
        return execute(plan, runs, progress, training=training, embedding=embedding, until=until)
    if training is not None:
        fit(plan, runs, training, progress=False)
    if embedding is not None:
        represent_share(plan, Run.at(runs, plan.record()).path, embedding)
    return None


def execute(
    plan: Plan,
    runs: Path,
    progress: bool,
    *,
    training: Fabric | None = None,
    embedding: Fabric | None = None,
    until: Until = "finished",
) -> Run:
    """Do the stages of one run that are not done yet; ``training`` and ``embedding`` say who helps."""
    outcome = Run.at(runs, plan.record())
    if outcome.finished():
        return outcome
    device = plan.device_used
    if isinstance(plan.data, CellStore):
        plan.data.verify()  # its identity is in the key: what it says must be what it holds
    with outcome.writing(until=until):
        if plan.trains:
            files = (WEIGHTS,) if plan.uses_checkpoint else (WEIGHTS, STATE, LOG)
            outcome.stage("train", files, device, lambda: train(plan, outcome.path, training, progress), pictures=TRAIN_PICTURES)
        if until == "trained":
            return outcome
        if isinstance(plan.benchmark, ModelBenchmark):
            action = partial(measure, plan, plan.benchmark, outcome.path, progress)
            outcome.stage("score", MEASURED, device, action, pictures=(PICTURES,))
            return outcome
        assert isinstance(plan.benchmark, ProfileBenchmark)  # there are these two
        benchmark, title = plan.benchmark, outcome.record.title
        written = (EMBEDDINGS, PROFILES) if plan.entry.card.input == "images" else (PROFILES,)
        action = partial(represent, plan, outcome.path, embedding, progress)
        outcome.stage("embed", written, device, action, pictures=(CELLS_PICTURE,))
        if until == "embedded":
            return outcome
        outcome.stage("score", SCORE_OUTPUTS, "cpu", lambda: score_profiles(benchmark, outcome.path, title))
    return outcome


def _show_failure(folder: Path) -> None:
    """Leave a page of a run that failed or was interrupted, which says so."""
    if (folder / "run.json").is_file() and Run.read(folder).record.status in ("failed", "interrupted"):
        write_page(folder)


def score_profiles(benchmark: ProfileBenchmark, folder: Path, title: str) -> None:
    """Score ``PROFILES`` in a run's folder into ``SCORE_OUTPUTS``; ``title`` stands over the picture."""
    scores = benchmark.score(pd.read_parquet(folder / PROFILES))
    write_text(folder / "scores.json", dump_json(scores))
    predictions = pd.DataFrame([prediction.model_dump() for prediction in scores.predictions])
    write_text(folder / "predictions.csv", predictions.to_csv(index=False))
    draw_scores(scores, title, folder / "figures" / "scores.png")
