"""Resolve what a user asks for into a plan, and say what does not fit together before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cytobench import registry
from cytobench.benchmark import Benchmark
from cytobench.card import MethodCard
from cytobench.construction import check_fit, choose_device, seen_of
from cytobench.datasets.conditions import Conditions
from cytobench.datasets.opening import open_dataset
from cytobench.datasets.selection import select
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import GenerativeMethod, InvertibleMethod, TrainableMethod
from cytobench.origins import begin, check_cells, check_recipe
from cytobench.phenotypes.benchmark import ModelBenchmark
from cytobench.plan import Plan
from cytobench.training.recipe import choose_recipe, read_recipes
from cytobench.training.settings import TrainingSpec
from cytobench.watching import check_rule


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
    origin, recipes, earlier = None, read_recipes(entry.recipe_file), tuple[str, ...]()
    if start is not None or checkpoint is not None:
        asked = (*options, *([] if recipe is None else [recipe]))
        origin, theirs, name, earlier, seed = begin(entry, start, checkpoint, asked, seed)
        recipes = {name: theirs, **{other: variant for other, variant in recipes.items() if other != name}}
    overrides = (*(earlier if recipe in (None, next(iter(recipes))) else ()), *options)
    recipe_name, chosen = choose_recipe(recipes, recipe, overrides, entry.card.name)
    if entry.card.trained and chosen.training is None:
        raise CytoBenchError(f"{entry.card.name} is trained, but its recipe {recipe_name} has no 'training' section")
    data, asks = open_dataset(dataset), registry.benchmark(benchmark)
    _check_benchmark(entry, asks)
    check_fit(entry.card, data)
    if isinstance(asks, ModelBenchmark) and isinstance(data, CellStore):
        asks.check(data, *seen_of(data, chosen))
    if isinstance(data, CellStore) and data.manifest.pending:
        coming = len(data.manifest.pending)
        raise CytoBenchError(f"{dataset} is not finished ({coming} plates to come); run its 'cytobench data prepare' to the end")
    told = Conditions(data, chosen.condition).names if isinstance(data, CellStore) else ()
    plan = Plan(
        entry,
        recipe_name,
        chosen,
        overrides,
        dataset,
        data,
        asks,
        seed,
        choose_device(device),
        origin.conditions if origin is not None and not origin.trained_further else told,
        plugin,
        origin=origin,
    )
    if origin is not None:
        check_cells(origin, *seen_of(data, chosen))
        check_recipe(origin, theirs, chosen, plan.conditions)
    _check_recipe(plan)
    return plan


def _check_benchmark(entry: registry.MethodEntry, benchmark: Benchmark) -> None:
    """Refuse to put a benchmark to a method that cannot answer it."""
    if benchmark.requires == "profiles":
        return
    kinds: dict[str, tuple[type, str]] = {
        "generative": (GenerativeMethod, "synthesise cells"),
        "invertible": (InvertibleMethod, "encode cells and decode them"),
    }
    kind, able = kinds.get(benchmark.requires, (object, "embed images"))
    if entry.card.input != "images" or not issubclass(entry.load_class(), kind):
        raise CytoBenchError(f"{benchmark.name} is put to methods that {able}, which {entry.card.name} does not")


def _check_recipe(plan: Plan) -> None:
    """Make the method once, so that what does not fit its recipe is said before anything is written."""
    card, recipe = plan.entry.card, plan.recipe
    if recipe.condition is not None and not (card.trained and card.conditional):
        raise CytoBenchError(f"{card.name} takes no condition (its card does not say conditional: true); leave condition out")
    method = plan.make_method()
    if plan.trains and not plan.uses_checkpoint and isinstance(method, TrainableMethod):
        method.optimizers()
        _check_optimizers(plan)
        assert recipe.training is not None and isinstance(plan.data, CellStore)  # make_plan has checked both
        _check_training(plan.card, recipe.training, plan.data)
        _check_arithmetic(recipe.training, plan.device.type)
        check_rule(recipe.training.checkpoint, method)


def _check_optimizers(plan: Plan) -> None:
    """Refuse a recipe without an optimizer that the method's first recipe has: its network would never learn."""
    known = next(iter(read_recipes(plan.entry.recipe_file).values())).optimizer
    missing = [name for name in known if name not in plan.recipe.optimizer]
    if missing:
        raise CytoBenchError(f"the recipe of {plan.entry.card.name} has no optimizer.{missing[0]}; give it a learning rate")


def _check_arithmetic(training: TrainingSpec, device: str) -> None:
    if training.precision == "16-mixed" and device != "cuda":
        raise CytoBenchError("training.precision 16-mixed needs a CUDA device; set -o training.precision=bf16-mixed or 32-true")


def _check_training(card: MethodCard, training: TrainingSpec, data: CellStore) -> None:
    if training.sampling == "balanced-treatment" and card.supervision not in ("treatment", "moa"):
        raise CytoBenchError(
            f"training.sampling balanced-treatment tells {card.name} of treatments, which its card does not "
            "declare (supervision: treatment); use balanced-plate"
        )
    cells, batch = len(select(data, training.train_on)), training.batch_size
    chosen = "" if training.train_on is None else f" with {training.train_on}"
    if cells < 2:
        raise CytoBenchError(f"{data.name} has a single cell{chosen}; training needs at least two")
    if batch > cells:
        raise CytoBenchError(f"{data.name} has {cells} cells{chosen}, fewer than a batch of {batch}; set -o training.batch_size")
