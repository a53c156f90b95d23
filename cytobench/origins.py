"""Where a run begins that does not begin with random weights: a checkpoint, trained on or used as it is."""

from __future__ import annotations

import json

from cytobench import registry
from cytobench.checkpoints import find_checkpoint
from cytobench.errors import CytoBenchError
from cytobench.files import sha256
from cytobench.progress import note
from cytobench.results.record import Origin
from cytobench.results.runs import Run
from cytobench.schema import validate
from cytobench.sharing.manifest import MANIFEST, read_manifest
from cytobench.training.checkpoint import WEIGHTS, refuse_other_facts
from cytobench.training.recipe import Recipe


def origin_of(where: str, method: str, *, trained_further: bool) -> tuple[Origin, Run]:
    """Say where a run of ``method`` begins, and return the run that made those weights."""
    run = find_checkpoint(where, unfinished=trained_further)
    if run.record.method != method:
        raise CytoBenchError(f"{where} is a checkpoint of {run.record.method}, not of {method}")
    origin = Origin(
        weights_sha256=sha256(run.path / WEIGHTS),
        where=where,
        address=read_manifest(run.path).address if (run.path / MANIFEST).is_file() else None,
        trained_further=trained_further,
        cells_seen=run.record.cells_seen,
        channels=run.record.channels,
        size=run.record.size,
        conditions=run.record.conditions,
    )
    return origin, run


def begin(
    entry: registry.MethodEntry, start: str | None, checkpoint: str | None, asked: tuple[str, ...], seed: int
) -> tuple[Origin, Recipe, str, tuple[str, ...], int]:
    """Return the origin of a run, and its recipe, the recipe's name and overrides, and the seed of the run that made it.

    Args:
        entry: the method.
        start: a run or checkpoint to train on from, or
        checkpoint: one to use as it is, with the recipe and the seed that it was made with.
        asked: changes to the recipe.
        seed: as it was asked for; 0 where it was not.
    """
    if start is not None and checkpoint is not None:
        raise CytoBenchError("--from trains a checkpoint on and --checkpoint uses it as it is; give one of them")
    where = str(start or checkpoint)
    origin, run = origin_of(where, entry.card.name, trained_further=start is not None)
    record, recipe = run.record, recipe_of(run)
    if checkpoint is not None:
        if asked or seed not in (0, record.seed):
            raise CytoBenchError(
                f"{where} is used as it was made, seed {record.seed}; leave out -o, --recipe, --train-on, --seed"
            )
        return origin, recipe, record.recipe_name or "default", record.overrides, record.seed
    if recipe.training is not None:  # which cells were chosen there says nothing of the cells here
        recipe = recipe.model_copy(update={"training": recipe.training.model_copy(update={"train_on": None})})
    overrides = tuple(override for override in record.overrides if not override.startswith("training.train_on="))
    return origin, recipe, record.recipe_name or "default", overrides, seed


def recipe_of(run: Run) -> Recipe:
    """The recipe that a run was made with."""
    return validate(Recipe, run.record.recipe, f"{run.path / 'run.json'}, recipe")


def check_cells(origin: Origin, channels: tuple[str, ...], size: int) -> None:
    """Refuse cells of other channels than a checkpoint was trained on, in another order, or cut to another size."""
    trained = f"{origin.where} was trained on the channels {', '.join(origin.channels)}"
    if len(channels) != len(origin.channels) or (channels != origin.channels and set(channels) == set(origin.channels)):
        raise CytoBenchError(f"{trained}, but these cells have {', '.join(channels)}; take cells with those, in that order")
    if size != origin.size:
        raise CytoBenchError(f"{origin.where} was trained on crops of {origin.size} px, but these have {size} px; cut them alike")
    if channels != origin.channels:
        note(f"{trained}, and now sees {', '.join(channels)}")


def check_recipe(origin: Origin, theirs: Recipe, recipe: Recipe, conditions: tuple[str, ...]) -> None:
    """Refuse to train on from a checkpoint under a recipe that makes another network, naming the keys that differ."""
    parts = {"input", "condition", "options"}
    there, here = theirs.model_dump(mode="json", include=parts), recipe.model_dump(mode="json", include=parts)
    there["optimizer"], here["optimizer"] = sorted(theirs.optimizer), sorted(recipe.optimizer)
    refuse_other_facts(json.dumps(there), here, origin.where)
    if conditions != origin.conditions:
        raise CytoBenchError(
            f"{origin.where} was trained with other conditions ({len(origin.conditions)}) than these cells have "
            f"({len(conditions)}); train it on cells of the same treatments"
        )
