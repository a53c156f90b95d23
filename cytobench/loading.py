"""Make a method ready to embed the cells of a data set, or a run's model ready to be looked at."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from cytobench import registry
from cytobench.checkpoints import find_checkpoint
from cytobench.construction import check_fit, choose_device, construct, seen_of
from cytobench.datasets.opening import Dataset, open_dataset
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import Method, TrainableMethod
from cytobench.origins import check_cells, origin_of, recipe_of
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.model import Model
from cytobench.results.runs import Run
from cytobench.training.checkpoint import WEIGHTS, load_weights
from cytobench.training.recipe import choose_recipe, read_recipes


def load_method(
    name: str,
    data: Dataset | str | Path,
    *,
    weights: str | Path | None = None,
    recipe: str | None = None,
    options: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    plugin: str | Path | None = None,
) -> Method:
    """Return a method that can embed ``data``.

    Args:
        name: a registered name.
        data: the data set whose channels and crops it will see, or its name or path.
        weights: for a trained method, the folder of a run of it, an exported checkpoint's, or the sha256 of a fetched one; its
            recipe is then the run's.
        recipe: a variant of the method's recipe; its first where None.
        options: ``key=value`` changes to the recipe.
        seed: of random weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        plugin: a Python file with one more method.

    Raises:
        CytoBenchError: where a trained method gets no weights, or the weights of another method.
    """
    entry = registry.method(name, Path(plugin) if plugin else None)
    data = open_dataset(data) if isinstance(data, str | Path) else data
    check_fit(entry.card, data)
    if not entry.card.trained:
        _, chosen = choose_recipe(read_recipes(entry.recipe_file), recipe, options, name)
        return construct(entry, chosen, data, seed, choose_device(device))
    if weights is None:
        raise CytoBenchError(f"{name} is trained: make a run with 'cytobench run --method {name}' and give its folder as weights")
    if recipe is not None or options:
        raise CytoBenchError(f"{weights} has its own recipe; leave out recipe and options")
    origin, run = origin_of(str(weights), name, trained_further=False)
    theirs = recipe_of(run)
    check_cells(origin, *seen_of(data, theirs))
    method = construct(entry, theirs, data, run.record.seed, choose_device(device), run.record.conditions)
    assert isinstance(method, TrainableMethod)  # its card says trained
    load_weights(method, run.path / WEIGHTS)
    return method


def load_model(
    run: str | Path, *, dataset: str | Path | None = None, device: str = "auto", plugin: str | Path | None = None
) -> Model:
    """Return the model of a run, beside the cells that it was trained on.

    Args:
        run: the run's folder, an exported checkpoint's, or the sha256 of a fetched one.
        dataset: the cells, by name or path; those that the run's record names where None.
        device: ``auto``, ``cpu`` or ``cuda``.
        plugin: the Python file of the method, where it is none of the registered ones.

    Raises:
        CytoBenchError: where the run has no weights, its cells are not here, or are others than it was made for.
    """
    folder = Path(run)
    made = Run.read(folder) if (folder / "run.json").is_file() else find_checkpoint(str(run))
    record, entry = made.record, registry.method(made.record.method, Path(plugin) if plugin else None)
    if record.supplied or entry.card.input != "images":
        raise CytoBenchError(f"{run}: {record.label} sees no images; take a run of a method that does")
    store = open_dataset(dataset if dataset is not None else _dataset_of(made))
    check_fit(entry.card, store)
    assert isinstance(store, CellStore)  # check_fit has seen that a method of images gets one
    if dataset is None and store.identity != record.dataset_identity:
        raise CytoBenchError(f"{run}: was made of other cells than {store.name} holds now; name its cells with --dataset")
    recipe = recipe_of(made)
    if record.channels and (record.channels, record.size) != seen_of(store, recipe):
        channels, size = seen_of(store, recipe)
        raise CytoBenchError(
            f"{run}: sees {', '.join(record.channels)} at {record.size} px, "
            f"but {store.name} has {', '.join(channels)} at {size} px"
        )
    method = construct(entry, recipe, store, record.seed, choose_device(device), record.conditions)
    if "train" in record.stage_names:
        assert isinstance(method, TrainableMethod)  # its card says trained
        load_weights(method, find_checkpoint(str(made.path)).path / WEIGHTS)
    shown = record.model_copy(update={"dataset": store.name, "simulated": store.simulated})
    elsewhere = record.origin is not None or store.identity != record.dataset_identity
    return Model(record.label, shown.model_title, method, recipe, store, record.seed, elsewhere)


def cohorts_of(store: CellStore) -> Cohorts:
    """Return the treatments of a store, with the mechanisms of action and the control of ``bbbc021-moa``."""
    return Cohorts.of(store, registry.benchmark("bbbc021-moa"))


def _dataset_of(run: Run) -> str:
    """The data set as the run's own command names it."""
    words = shlex.split(run.record.command)
    named = [after for word, after in zip(words, words[1:], strict=False) if word == "--dataset"]
    return named[0] if named else run.record.dataset
