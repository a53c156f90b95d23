"""What there is and what it is; imports no method's code and no torch."""

from __future__ import annotations

import ast
import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from cytobench import registry
from cytobench.errors import CytoBenchError, nearest
from cytobench.schema import read_yaml
from cytobench.training.recipe import read_recipes

Row = dict[str, str]
"""Column -> text."""


def methods(plugin: Path | None = None) -> list[Row]:
    """One row a method, from its card."""
    found, broken = registry.scan_methods(plugin)
    rows = []
    for name, entry in sorted(found.items()):
        card = entry.card
        state = f"not installed: {entry.install_command}" if entry.missing else "installed"
        rows.append(
            {
                "method": name,
                "title": card.title,
                "kind": card.kind,
                "sees": card.input,
                "supervision": card.supervision,
                "trained": "yes" if card.trained else "no",
                "state": state,
            }
        )
    blank = {"title": "-", "kind": "-", "sees": "-", "supervision": "-", "trained": "-"}
    return rows + [{"method": name, **blank, "state": f"broken: {why}"} for name, why in broken.items()]


def recipes(plugin: Path | None = None) -> list[Row]:
    """One row a recipe variant."""
    return [
        {
            "method": name,
            "recipe": variant,
            "training": f"{recipe.training.steps} steps of {recipe.training.batch_size}" if recipe.training else "-",
        }
        for name, entry in sorted(registry.methods(plugin).items())
        for variant, recipe in read_recipes(entry.recipe_file).items()
    ]


def trained_methods(variant: str | None, plugin: Path | None = None) -> list[str]:
    """The names of the methods that are trained and can be here, and have the recipe ``variant`` (any where None)."""
    entries = {
        name: entry for name, entry in sorted(registry.methods(plugin).items()) if entry.card.trained and not entry.missing
    }
    found = [name for name, entry in entries.items() if variant is None or variant in read_recipes(entry.recipe_file)]
    if not found:
        variants = sorted({name for entry in entries.values() for name in read_recipes(entry.recipe_file)})
        raise CytoBenchError(f"no method has a recipe {variant!r}{nearest(str(variant), variants)}")
    return found


def datasets() -> list[Row]:
    """One row a data set."""
    return [{"dataset": name, "what": first_line(entry)} for name, entry in registry.datasets().items()]


def benchmarks() -> list[Row]:
    """One row a benchmark."""
    return [{"benchmark": name, "what": first_line(entry)} for name, entry in registry.benchmarks().items()]


def runs(folder: Path) -> list[Row]:
    """One row a run."""
    from cytobench.results.runs import find_runs

    return [
        {
            "dataset": run.record.dataset,
            "method": run.record.label,
            "recipe": run.record.recipe_label,
            "benchmark": run.record.benchmark,
            "seed": str(run.record.seed),
            "status": "stopped" if run.stopped() else run.record.status,
            "run": str(run.path),
        }
        for run in find_runs(folder)[0]
    ]


def describe(name: str, plugin: Path | None = None) -> dict[str, Any]:
    """Describe a method (its card and recipes), a data set, or a benchmark (its protocol)."""
    methods, datasets, benchmarks = registry.methods(plugin), registry.datasets(), registry.benchmarks()
    if name in methods:
        entry = methods[name]
        recipes = {variant: recipe.model_dump(mode="json") for variant, recipe in read_recipes(entry.recipe_file).items()}
        return {"method": entry.card.model_dump(mode="json"), "from": entry.distribution, "recipes": recipes}
    if name in datasets:
        return {"dataset": name, "what": first_line(datasets[name])}
    if re.split("[:/]", name)[0] in benchmarks:
        name = re.split("[:/]", name)[0]
        protocol: dict[str, Any] = read_yaml(registry.folder_of(benchmarks[name]) / "protocol.yaml")
        return {"benchmark": name, "what": first_line(benchmarks[name]), "protocol": protocol}
    known = [*methods, *datasets, *benchmarks]
    raise CytoBenchError(
        f"nothing is named {name!r}{nearest(name, known)} ('cytobench ls' lists methods, datasets and benchmarks)"
    )


def first_line(entry: EntryPoint) -> str:
    """The first line of the docstring of what an entry point names, read from its source without importing it."""
    source = registry.folder_of(entry) / f"{entry.module.split('.')[-1]}.py"
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == entry.attr:
            return (ast.get_docstring(node) or "").split("\n")[0].replace("``", "")
    return ""
