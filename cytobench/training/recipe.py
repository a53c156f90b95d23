"""Recipes: all that decides how a method is made and trained, validated before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field

from cytobench.errors import CytoBenchError, nearest
from cytobench.schema import Record, read_yaml, validate

if TYPE_CHECKING:
    import torch


Beta = Annotated[float, Field(ge=0, lt=1)]
"""A decay rate of Adam's moments."""


class InputSpec(Record):
    """What a method wants to see of a cell."""

    scaling: Literal["luminance", "percentile", "range"] = "luminance"
    """``luminance``: each channel by its own maximum in that cell (CytoGAN); ``percentile``: by fixed percentiles of its
    plate and channel; ``range``: by the bit depth."""
    crop_size: int | None = Field(default=None, gt=0)
    """Height and width of the central crop in pixels; None for the store's own."""
    masks: bool = False


class LearningRateDecay(Record):
    """Multiply the learning rate by ``factor`` every ``every`` steps."""

    factor: float = Field(gt=0, le=1)
    every: int = Field(gt=0)


class OptimizerSpec(Record):
    """Adam (Kingma and Ba 2015) for one network."""

    lr: float = Field(gt=0)
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)
    decay: LearningRateDecay | None = None

    def build(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer over ``parameters``."""
        import torch

        return torch.optim.Adam(parameters, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay)


Sampling = Literal["shuffled", "balanced-treatment", "balanced-plate", "dmso"]
"""Which cells a method is trained on, and how often: every cell once an epoch; treatments or plates equally often; DMSO only."""


class TrainingSpec(Record):
    """How long and on what batches."""

    steps: int = Field(gt=0)
    batch_size: int = Field(gt=1)
    sampling: Sampling = "shuffled"
    """``balanced-treatment`` needs a card that declares the supervision ``treatment``."""
    augment: Literal["none", "flips-rotations"] = "none"
    """``flips-rotations``: the eight symmetries of the square, one drawn for each batch."""
    clip: float | None = Field(default=None, gt=0)
    """Maximum gradient norm of each network."""


class Recipe(Record):
    """One variant of a ``recipe.yaml``."""

    input: InputSpec = InputSpec()
    options: dict[str, Any] = {}
    """The method's own options; its ``Options`` record validates them."""
    optimizer: dict[str, OptimizerSpec] = {}
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

    A key's first part is ``input``, ``optimizer``, ``training`` or ``options``; any other key is an option of the method.
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
