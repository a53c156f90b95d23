"""The contract of a representation method: cells in, vectors out, and nothing of what the vectors are scored on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from cytobench.card import MethodCard
from cytobench.errors import CytoBenchError
from cytobench.schema import Record, validate
from cytobench.training.recipe import Recipe

__all__ = [
    "AdversarialMethod",
    "CellBatch",
    "GenerativeMethod",
    "InvertibleMethod",
    "Method",
    "MethodCard",
    "NetworkMethod",
    "ProfileMethod",
    "TrainableMethod",
    "Update",
]

Update = Callable[[str, Tensor], None]
"""``update(name, loss)``: one step of the optimizer ``name`` on ``loss``."""


@dataclass(frozen=True)
class CellBatch:
    """Cells as a method sees them: there is no compound, no dose and no MOA here, on purpose.

    Only a method whose card and recipe both say so is told of treatments, as ``condition``, and only in training.
    """

    images: Tensor
    """float32 (B, C, H, W) in [0, 1]."""
    masks: Tensor | None
    """uint8 (B, H, W): 0 elsewhere, 1 cytoplasm, 2 nucleus of the centred cell; None where the store has none."""
    channels: tuple[str, ...]
    condition: Tensor | None = None
    """float32 (B, K), only in the training of a conditional method: see ``Method.conditions``."""

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> CellBatch:
        """Return the batch on another device."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))

    def map(self, change: Callable[[Tensor], Tensor]) -> CellBatch:
        """Return the batch with each of its tensors changed."""
        masks = None if self.masks is None else change(self.masks)
        condition = None if self.condition is None else change(self.condition)
        return replace(self, images=change(self.images), masks=masks, condition=condition)


class Method(ABC):
    """A representation of single cells.

    A subclass says its options in a nested ``Options`` record, builds what it needs in :meth:`setup` and implements
    :meth:`embed`.

    Args:
        recipe: validated configuration; ``recipe.options`` becomes ``self.options``.
        channels: names of the channels it will see.
        size: height and width of the crops in pixels.
        seed: of everything random in it.
        conditions: what each column of a training batch's ``condition`` says, for a conditional method; else none.
    """

    class Options(Record):
        """No options."""

    card: ClassVar[MethodCard | dict[str, Any] | None] = None
    """Only for a method loaded from a single file; others have ``card.yaml`` beside their module."""
    nan_features: ClassVar[bool] = False
    """Whether features may be NaN for some cells; they are then imputed in profiling, and counted."""
    feature_names: Sequence[str] | None = None
    """D names, or None for ``feature_0000`` and so on."""

    def __init__(self, recipe: Recipe, channels: tuple[str, ...], size: int, seed: int, conditions: tuple[str, ...] = ()):
        self.recipe, self.channels, self.size, self.seed = recipe, channels, size, seed
        self.conditions = conditions
        if not issubclass(self.Options, Record):
            raise CytoBenchError(f"{type(self).__name__}.Options must be a subclass of cytobench.Record")
        self.options: Any = validate(self.Options, recipe.options, f"recipe of {type(self).__name__}, options")
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.setup()

    @classmethod
    def given_files(cls, options: Any) -> dict[str, Path]:
        """The files that ``options`` (an ``Options``) name, by the option's name: their sha256 is in the run's key."""
        return {}

    def setup(self) -> None:
        """Build networks and buffers from ``self.options``, ``self.channels`` and ``self.size``."""

    @abstractmethod
    def embed(self, cells: CellBatch) -> Tensor | np.ndarray:
        """Return (B, D) float32, deterministic, each row independent of the batch it is in."""


class ProfileMethod(Method):
    """A representation of wells that is no function of an image; sees no compound and no MOA."""

    def embed(self, cells: CellBatch) -> Tensor:
        """Refuse: a profile method has no single-cell representation."""
        raise CytoBenchError(f"{type(self).__name__} describes wells, not cells; use profile()")

    @abstractmethod
    def profile(self, wells: pd.DataFrame) -> np.ndarray:
        """Return (wells, D) float32 from ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Batch`` and ``Metadata_Cells``."""


class NetworkMethod(nn.Module, Method):
    """A method with networks, its submodules: it computes on an accelerator where there is one."""

    def __init__(self, recipe: Recipe, channels: tuple[str, ...], size: int, seed: int, conditions: tuple[str, ...] = ()):
        nn.Module.__init__(self)
        Method.__init__(self, recipe, channels, size, seed, conditions)


class TrainableMethod(NetworkMethod):
    """A method with networks that a recipe trains, without labels."""

    def __init__(self, recipe: Recipe, channels: tuple[str, ...], size: int, seed: int, conditions: tuple[str, ...] = ()):
        super().__init__(recipe, channels, size, seed, conditions)
        self.reports: dict[str, Tensor] = {}
        """What a step wants logged beside its losses."""

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """One optimizer for each name under the recipe's ``optimizer``, over the submodule of that name."""
        return {name: spec.build(self.parameters_of(name)) for name, spec in self.recipe.optimizer.items()}

    def parameters_of(self, name: str) -> Iterable[nn.Parameter]:
        """The parameters of the submodule ``name``."""
        module = dict(self.named_children()).get(name)
        if module is None:
            known = ", ".join(name for name, _ in self.named_children())
            raise CytoBenchError(f"recipe of {type(self).__name__}: optimizer.{name} names no network of it; it has {known}")
        return module.parameters()

    @abstractmethod
    def training_step(self, batch: CellBatch, update: Update) -> None:
        """One step on one batch: compute losses and call ``update(name, loss)`` for each optimizer in turn."""


class GenerativeMethod(ABC):
    """Synthesises cells from noise."""

    conditions: tuple[str, ...]

    @abstractmethod
    def noise(self, n: int) -> Tensor:
        """Return ``n`` points of the noise space, (n, Z)."""

    @abstractmethod
    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return images (n, C, H, W) in [0, 1] for ``z`` (n, Z), and for a conditional method a ``condition`` (n, K)."""

    def check_condition(self, condition: Tensor | None) -> None:
        """Refuse to generate without the condition that the method was trained with, or with one that it was not."""
        if (condition is not None) != bool(self.conditions):
            need = f"needs a condition (n, {len(self.conditions)})" if self.conditions else "takes no condition"
            raise CytoBenchError(f"{type(self).__name__}.generate: this model {need}")


class AdversarialMethod(GenerativeMethod):
    """Synthesises cells, and tells them from real ones."""

    @abstractmethod
    def judge(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return (B,): the higher, the more an image (B, C, H, W) in [0, 1] looks real to the discriminator."""


class InvertibleMethod(ABC):
    """Encodes cells into the space that it decodes from."""

    @abstractmethod
    def encode(self, cells: CellBatch) -> Tensor:
        """Return codes (B, Z)."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """Return images (B, C, H, W) in [0, 1] for ``z`` (B, Z)."""
