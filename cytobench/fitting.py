"""Train a plan's method, alone or as one of several processes, or take the weights that are given."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from cytobench.checkpoints import find_checkpoint
from cytobench.datasets.batches import BatchReader
from cytobench.datasets.conditions import Conditions
from cytobench.datasets.samplers import make_sampler
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.files import sha256
from cytobench.method import CellBatch, TrainableMethod
from cytobench.plan import Plan
from cytobench.results.runs import Run
from cytobench.results.training_figures import draw_training
from cytobench.training.checkpoint import WEIGHTS, load_weights
from cytobench.training.launch import is_first_process, make_fabric
from cytobench.training.log import LOG
from cytobench.training.trainer import Trained, Trainer
from cytobench.watching import make_evaluator


def join(plan: Plan, runs: Path) -> Fabric | None:
    """This process among those that train together; None where nothing is left to train."""
    if not plan.trains or plan.uses_checkpoint:
        return None
    assert plan.recipe.training is not None  # make_plan has checked it
    fabric = make_fabric(plan.device, plan.recipe.training.precision)
    left = is_first_process() and "train" not in Run.at(runs, plan.record()).reusable_stages()
    return fabric if fabric.broadcast(left) else None


def train(plan: Plan, folder: Path, fabric: Fabric | None, progress: bool) -> dict[str, Any]:
    """Leave trained weights in a run's folder; return what its record is to say of them."""
    if plan.uses_checkpoint:
        assert plan.origin is not None
        shutil.copyfile(find_checkpoint(plan.origin.where).path / WEIGHTS, folder / WEIGHTS)
        return {"cells_seen": plan.origin.cells_seen}
    if fabric is None:
        raise CytoBenchError(f"{folder}: its training was whole a moment ago and is not now; run it again")
    try:
        trained = fit(plan, folder, fabric, progress=progress)
    finally:  # of a training that failed one wants to see the curves most of all
        if (folder / LOG).is_file() and (folder / LOG).stat().st_size:
            draw_training(folder / LOG, folder / "figures" / "training.png", plan.record().title)
    before = 0 if plan.origin is None else plan.origin.cells_seen
    return {"cells_seen": trained.cells + before, "kept_step": trained.step}


def fit(plan: Plan, folder: Path, fabric: Fabric, *, progress: bool) -> Trained:
    """Train ``plan``'s method, this process doing its share; only the first writes, into ``folder``.

    Args:
        plan: of a method that is trained.
        folder: the run's.
        fabric: this process among those that train together.
        progress: show a progress bar on stderr.
    """
    assert isinstance(plan.data, CellStore) and plan.recipe.training is not None  # make_plan has checked both
    store, method = plan.data, plan.make_method()
    if not isinstance(method, TrainableMethod):
        raise CytoBenchError(f"{plan.entry.card.name}: its card says trained, but its class is no TrainableMethod")
    if plan.origin is not None:
        weights = find_checkpoint(plan.origin.where, unfinished=True).path / WEIGHTS
        if sha256(weights) != plan.origin.weights_sha256:
            raise CytoBenchError(f"{weights}: changed since this run was planned; let its own training end, then run it again")
        load_weights(method, weights)
    training, processes = plan.recipe.training, fabric.world_size
    if training.batch_size % processes:
        raise CytoBenchError(
            f"a batch of {training.batch_size} cells does not divide by {processes} processes; set -o training.batch_size"
        )
    reader = BatchReader(store, plan.recipe.input, Conditions(store, plan.recipe.condition))
    sampler = make_sampler(
        plan.data,
        training.sampling,
        batch_size=training.batch_size // processes,
        seed=plan.seed,
        rank=fabric.global_rank,
        ranks=processes,
        train_on=training.train_on,
    )

    def batches(step: int) -> Iterator[CellBatch]:
        sampler.position = step
        return (reader.read(rows) for rows in sampler)

    first, figures = is_first_process(), folder / "figures"
    evaluator = make_evaluator(store, reader, training, seed=plan.seed, figures=figures) if first else None
    trainer = Trainer(
        method,
        seed=plan.seed,
        folder=folder if first else None,
        facts=_facts(plan),
        fabric=fabric,
        evaluator=evaluator,
    )
    return trainer.fit(batches, progress=progress)


def _facts(plan: Plan) -> dict[str, Any]:
    """What a state in the run's folder must have been made with."""
    record = plan.record()
    return {
        "method": record.method,
        "recipe": record.recipe,
        "dataset": record.dataset_identity,
        "seed": record.seed,
        "origin": None if record.origin is None else record.origin.weights_sha256,
        "training key": record.keys.train,
        "channels": list(record.channels),
        "conditions": list(record.conditions),
    }
