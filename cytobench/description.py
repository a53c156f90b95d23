"""Everything known of one name, as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cytobench import registry
from cytobench.errors import CytoBenchError, nearest
from cytobench.listing import first_line
from cytobench.schema import read_yaml
from cytobench.training.recipe import read_recipes


def describe(name: str, plugin: Path | None = None) -> dict[str, Any]:
    """Describe a method (its card and recipes), a data set, a benchmark (its protocol) or the cell store in a folder."""
    methods, datasets, benchmarks = registry.methods(plugin), registry.datasets(), registry.benchmarks()
    if name in methods:
        entry = methods[name]
        recipes = {variant: recipe.model_dump(mode="json") for variant, recipe in read_recipes(entry.recipe_file).items()}
        return {"method": entry.card.model_dump(mode="json"), "from": entry.distribution, "recipes": recipes}
    if name in datasets:
        return {"dataset": name, "what": first_line(datasets[name])}
    if name in benchmarks:
        protocol: dict[str, Any] = read_yaml(registry.folder_of(benchmarks[name]) / "protocol.yaml")
        return {"benchmark": name, "what": first_line(benchmarks[name]), "protocol": protocol}
    known = [*methods, *datasets, *benchmarks]
    raise CytoBenchError(
        f"nothing is named {name!r}{nearest(name, known)} ('cytobench ls' lists methods, datasets and benchmarks)"
    )
