"""The path of the data: data set -> cells -> embeddings -> profiles -> scores -> result -> board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from cytobench.benchmark import Benchmark
from cytobench.boards.build import refresh_run_board
from cytobench.datasets.batches import BatchReader
from cytobench.datasets.profiles import PREFIX, metadata_columns, well_metadata
from cytobench.datasets.samplers import make_sampler
from cytobench.datasets.store import CellStore
from cytobench.embedding import checked, embed, feature_names
from cytobench.errors import CytoBenchError, blaming
from cytobench.files import replacing, write_text
from cytobench.method import ProfileMethod, TrainableMethod
from cytobench.plan import Plan, make_plan
from cytobench.results.figures import draw_scores
from cytobench.results.runs import Run
from cytobench.schema import dump_json
from cytobench.training.checkpoint import load_weights, save_weights
from cytobench.training.trainer import Trainer

SCORE_OUTPUTS = ("scores.json", "predictions.csv", "figures/scores.png")
"""What the last stage of a run writes."""


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
        progress: show progress bars on stderr.

    Returns:
        The finished run; stages that were already done are not done again.

    Raises:
        CytoBenchError: in one sentence, what is wrong.
    """
    plan = make_plan(
        method, dataset, benchmark=benchmark, recipe=recipe, options=options, seed=seed, device=device, plugin=plugin
    )
    return run_plan(plan, runs, progress=progress)


def run_plan(plan: Plan, runs: Path, *, progress: bool = False) -> Run:
    """Do what ``plan`` says below ``runs``, and refresh the board there."""
    outcome = execute(plan, runs, progress)
    if plan.trains:
        twin = execute(replace(plan, untrained=True), runs, progress)
        found = {"twin": plan.benchmark.compare(outcome.scores, twin.scores), "twin_folder": twin.record.folder.as_posix()}
        if found != {name: getattr(outcome.record, name) for name in found}:
            outcome.update(**found)
    refresh_run_board(runs)
    return outcome


def execute(plan: Plan, runs: Path, progress: bool) -> Run:
    """Do the stages of one run that are not done yet."""
    outcome = Run.at(runs, plan.record())
    if outcome.finished():
        return outcome
    device = plan.device_used
    if isinstance(plan.data, CellStore):
        plan.data.verify()  # its identity is in the key: what it says must be what it holds
    with outcome.writing():
        if plan.trains:
            outcome.stage("train", ("weights.safetensors", "log.jsonl"), device, lambda: _train(plan, outcome.path, progress))
        if plan.entry.card.input == "images":
            outcome.stage("embed", ("embeddings.npy", "profiles.parquet"), device, lambda: _embed(plan, outcome.path, progress))
        else:
            outcome.stage("embed", ("profiles.parquet",), device, lambda: _profile(plan, outcome.path))
        outcome.stage("score", SCORE_OUTPUTS, "cpu", lambda: score_profiles(plan.benchmark, outcome.path, outcome.record.title))
    return outcome


def score_profiles(benchmark: Benchmark, folder: Path, title: str) -> None:
    """Score ``profiles.parquet`` in a run's folder into ``SCORE_OUTPUTS``; ``title`` stands over the picture."""
    scores = benchmark.score(pd.read_parquet(folder / "profiles.parquet"))
    write_text(folder / "scores.json", dump_json(scores))
    predictions = pd.DataFrame([prediction.model_dump() for prediction in scores.predictions])
    write_text(folder / "predictions.csv", predictions.to_csv(index=False))
    draw_scores(scores, title, folder / "figures" / "scores.png")


def write_profiles(profiles: pd.DataFrame, folder: Path, *, simulated: bool) -> None:
    """Write a profile table as ``profiles.parquet`` into a run's folder; what is simulated says so wherever it goes."""
    profiles = profiles.assign(**{f"{PREFIX}Simulated": True}) if simulated else profiles
    with replacing(folder / "profiles.parquet") as temporary:
        profiles.to_parquet(temporary, index=False)


def _train(plan: Plan, folder: Path, progress: bool) -> dict[str, Any]:
    assert isinstance(plan.data, CellStore) and plan.recipe.training is not None  # make_plan has checked both
    method = plan.make_method()
    if not isinstance(method, TrainableMethod):
        raise CytoBenchError(f"{plan.entry.card.name}: its card says trained, but its class is no TrainableMethod")
    reader = BatchReader(plan.data, plan.recipe.input)
    training = plan.recipe.training
    rows = make_sampler(plan.data, training.sampling, batch_size=training.batch_size, seed=plan.seed)
    trainer = Trainer(method, seed=plan.seed, log=folder / "log.jsonl")
    seen = trainer.fit((reader.read(batch).to(plan.device) for batch in rows), progress=progress)
    save_weights(method, folder / "weights.safetensors")
    return {"cells_seen": seen}


def _embed(plan: Plan, folder: Path, progress: bool) -> None:
    assert isinstance(plan.data, CellStore)  # make_plan has checked it
    method = plan.make_method()
    if plan.trains and isinstance(method, TrainableMethod):
        load_weights(method, folder / "weights.safetensors")
    embeddings = embed(method, plan.data, path=folder / "embeddings.npy", progress=progress)
    write_profiles(embeddings.wells(), folder, simulated=plan.data.simulated)


def _profile(plan: Plan, folder: Path) -> None:
    """Embed wells, not cells: the method sees the plate map without compounds."""
    method = plan.make_method()
    if not isinstance(method, ProfileMethod):
        raise CytoBenchError(
            f"{plan.entry.card.name}: its card says input: {plan.entry.card.input}, but its class is no ProfileMethod"
        )
    wells = plan.data.wells()
    with blaming(f"{plan.entry.card.name}.profile"):
        vectors = checked(method.profile(well_metadata(wells)), len(wells), method)
    names = feature_names(method.feature_names, vectors.shape[1], plan.entry.card.name)
    features = pd.DataFrame(vectors, columns=list(names), index=wells.index)
    profiles = pd.concat([wells[metadata_columns(wells)], features], axis=1)
    write_profiles(profiles, folder, simulated=plan.data.simulated)
