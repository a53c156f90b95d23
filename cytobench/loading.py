"""Make a method ready to embed the cells of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cytobench import registry
from cytobench.construction import check_fit, choose_device, construct, seen_of
from cytobench.datasets.opening import Dataset, open_dataset
from cytobench.errors import CytoBenchError
from cytobench.method import Method, TrainableMethod
from cytobench.origins import check_cells, origin_of, recipe_of
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
