"""Recipes: all that decides how a method is made and trained, validated before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from cytobench.errors import CytoBenchError, nearest
from cytobench.schema import Record, read_yaml, validate
from cytobench.training.settings import Condition, EmbeddingSpec, InputSpec, OptimizerSpec, TrainingSpec


class Recipe(Record):
    """One variant of a ``recipe.yaml``."""

    input: InputSpec = InputSpec()
    condition: Condition | None = None
    """What the method is told of each cell in training, where its card says that it is conditional; its supervision is then
    ``treatment``."""
    options: dict[str, Any] = {}
    """The method's own options; its ``Options`` record validates them."""
    optimizer: dict[str, OptimizerSpec] = {}
    embedding: EmbeddingSpec = EmbeddingSpec()
    training: TrainingSpec | None = None


def read_recipes(path: Path) -> dict[str, Recipe]:
    """Read the named variants of a ``recipe.yaml``; a method without the file has one variant, ``default``."""
    if not path.is_file():
        return {"default": Recipe()}
    data = read_yaml(path)
    if not isinstance(data, dict) or not data:
        raise CytoBenchError(f"{path}: holds no recipe; it maps variant names to recipes")
    return {str(name): validate(Recipe, variant or {}, f"{path}, {name}") for name, variant in data.items()}


def choose_recipe(recipes: dict[str, Recipe], variant: str | None, overrides: Sequence[str], where: str) -> tuple[str, Recipe]:
    """Return the variant (the first where None) with ``key=value`` overrides applied.

    A key's first part is ``input``, ``condition``, ``optimizer``, ``embedding``, ``training`` or ``options``; any other is an
    option.
    """
    name = variant or next(iter(recipes))
    if name not in recipes:
        raise CytoBenchError(f"{where} has no recipe {name!r}; it has {', '.join(recipes)}{nearest(name, recipes)}")
    data = recipes[name].model_dump(mode="json")
    for override in overrides:
        if override.startswith("training.") and recipes[name].training is None:
            raise CytoBenchError(f"-o {override!r}: {where} is not trained")
        _apply(data, override)
    return name, validate(Recipe, data, f"{where}, recipe {name}")


def _apply(data: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise CytoBenchError(f"-o {override!r}: write key=value")
    *parents, last = key.split(".") if key.split(".")[0] in Recipe.model_fields else ["options", *key.split(".")]
    for parent in parents:
        if not isinstance(data.get(parent), dict):
            data[parent] = {}
        data = data[parent]
    try:
        data[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise CytoBenchError(f"-o {override!r}: the value is not valid YAML") from None
