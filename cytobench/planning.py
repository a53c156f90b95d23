"""Resolve what a user asks for into a plan, and say what does not fit together before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cytobench import registry
from cytobench.card import MethodCard
from cytobench.checkpoints import find_checkpoint, origin_of, refuse_other_channels, refuse_other_recipe
from cytobench.construction import check_fit, choose_device, seen_of
from cytobench.datasets.opening import open_dataset
from cytobench.datasets.selection import select
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import TrainableMethod
from cytobench.plan import Plan
from cytobench.results.record import Origin
from cytobench.schema import validate
from cytobench.training.recipe import Recipe, choose_recipe, read_recipes
from cytobench.training.settings import TrainingSpec


def make_plan(
    method: str,
    dataset: str,
    *,
    benchmark: str,
    recipe: str | None,
    options: Sequence[str],
    seed: int,
    device: str,
    plugin: Path | None,
    start: str | None = None,
    checkpoint: str | None = None,
) -> Plan:
    """Resolve names to what they stand for, and check that they fit together; arguments as of :func:`cytobench.runner.run`."""
    entry = registry.method(method, plugin)
    origin, recipes = _begin(entry, start, checkpoint)
    recipe_name, chosen = choose_recipe(recipes, recipe, options, entry.card.name)
    if entry.card.trained and chosen.training is None:
        raise CytoBenchError(f"{entry.card.name} is trained, but its recipe {recipe_name} has no 'training' section")
    data = open_dataset(dataset)
    check_fit(entry.card, data)
    if isinstance(data, CellStore) and data.manifest.pending:
        coming = len(data.manifest.pending)
        raise CytoBenchError(f"{dataset} is not finished ({coming} plates to come); run its 'cytobench data prepare' to the end")
    plan = Plan(
        entry,
        recipe_name,
        chosen,
        tuple(options),
        dataset,
        data,
        registry.benchmark(benchmark),
        seed,
        choose_device(device),
        plugin,
        origin=origin,
    )
    _check_origin(plan)
    _check_recipe(plan)
    return plan


def _begin(entry: registry.MethodEntry, start: str | None, checkpoint: str | None) -> tuple[Origin | None, dict[str, Recipe]]:
    """The checkpoint to begin with, and the recipes to choose from: with a checkpoint, that of its run comes first."""
    recipes, where = read_recipes(entry.recipe_file), start or checkpoint
    if where is None:
        return None, recipes
    if start is not None and checkpoint is not None:
        raise CytoBenchError("--from trains a checkpoint on and --checkpoint uses it as it is; give one of them")
    origin, run = origin_of(where, entry.card.name, trained_further=start is not None)
    name = run.record.recipe_name or "default"
    theirs = validate(Recipe, run.record.recipe, f"{run.path / 'run.json'}, recipe")
    return origin, {name: theirs, **{other: recipe for other, recipe in recipes.items() if other != name}}


def _check_origin(plan: Plan) -> None:
    """Refuse a checkpoint of other channels, of other conditions or of another recipe."""
    if plan.origin is None:
        return
    run = find_checkpoint(plan.origin.where)
    refuse_other_channels(plan.origin, seen_of(plan.data, plan.recipe)[0])
    refuse_other_recipe(plan.origin, validate(Recipe, run.record.recipe, str(run.path)), plan.recipe)
    if plan.conditions != plan.origin.conditions:
        raise CytoBenchError(
            f"{plan.origin.where} was trained with other conditions ({len(plan.origin.conditions)}) than the cells of "
            f"{plan.data.name} have ({len(plan.conditions)}); train it on cells of the same treatments"
        )


def _check_recipe(plan: Plan) -> None:
    """Make the method once, so that what does not fit its recipe is said before anything is written."""
    card, recipe = plan.entry.card, plan.recipe
    if recipe.condition is not None and not (card.trained and card.conditional):
        raise CytoBenchError(f"{card.name} takes no condition (its card does not say conditional: true); leave condition out")
    method = plan.make_method()
    if plan.trains and not plan.uses_checkpoint and isinstance(method, TrainableMethod):
        method.optimizers()
        assert recipe.training is not None and isinstance(plan.data, CellStore)  # make_plan has checked both
        _check_training(plan.card, recipe.training, plan.data)


def _check_training(card: MethodCard, training: TrainingSpec, data: CellStore) -> None:
    if training.sampling == "balanced-treatment" and card.supervision not in ("treatment", "moa"):
        raise CytoBenchError(
            f"training.sampling balanced-treatment tells {card.name} of treatments, which its card does not "
            "declare (supervision: treatment); use balanced-plate"
        )
    cells, batch = len(select(data, training.train_on)), training.batch_size
    if batch > cells:
        chosen = "" if training.train_on is None else f" with {training.train_on}"
        raise CytoBenchError(f"{data.name} has {cells} cells{chosen}, fewer than a batch of {batch}; set -o training.batch_size")
