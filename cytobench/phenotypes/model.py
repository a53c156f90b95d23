"""A method with its weights beside the cells that it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from cytobench.datasets.batches import BatchReader
from cytobench.datasets.conditions import Conditions
from cytobench.datasets.selection import select
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, GenerativeMethod, InvertibleMethod, Method
from cytobench.training.recipe import Recipe

Compute = Callable[[Tensor, Tensor | None], Tensor]
"""Points (n, Z) and conditions (n, K) to images."""

PART = 64
"""Cells computed at a time; no result depends on it."""

NOISE_PART = 64
"""Points of noise drawn at a time: which points a seed gives depends on it, and on whether they are drawn on a GPU."""


@dataclass(frozen=True)
class Model:
    """A method ready to be looked at, and the store whose cells it is compared with.

    Images are always float32 (n, C, H, W) in [0, 1] as the method's recipe scales and crops them, in the order of ``channels``.
    """

    name: str
    """As on boards: ``lsgan``, ``lsgan (untrained)``."""
    title: str
    """What stands over a picture; says where data are simulated."""
    method: Method
    recipe: Recipe
    store: CellStore
    seed: int
    """Of the method's weights."""
    trained_elsewhere: bool = False
    """Whether its training began with a checkpoint, or was on other cells than the store's."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the images' channels."""
        return self.method.channels

    @property
    def size(self) -> int:
        """Height and width of the images, px."""
        return self.method.size

    @property
    def seen(self) -> str:
        """How cells are shown to the method, as ``luminance, 64 px``: images seen in two ways do not compare."""
        return f"{self.recipe.input.scaling}, {self.size} px"

    @property
    def kind(self) -> Literal["real", "simulated"]:
        """What the store's cells are called; a simulated cell is never called real."""
        return "simulated" if self.store.simulated else "real"

    @property
    def generates(self) -> bool:
        """Whether it synthesises cells from noise."""
        return isinstance(self.method, GenerativeMethod)

    @property
    def inverts(self) -> bool:
        """Whether it encodes cells into a space that it decodes from."""
        return isinstance(self.method, InvertibleMethod)

    @property
    def conditions(self) -> tuple[str, ...]:
        """What a conditional model is told of each cell."""
        return self.method.conditions

    @cached_property
    def trained_on(self) -> np.ndarray | None:
        """The rows of the store that its recipe trains on; None where it was trained elsewhere, on cells that are not known."""
        if self.trained_elsewhere:
            return None
        training = self.recipe.training
        return select(self.store, None if training is None else training.train_on)

    def real(self, rows: np.ndarray) -> np.ndarray:
        """Return real cells as the method sees them."""
        if not len(rows):
            return np.empty((0, len(self.channels), self.size, self.size), np.float32)
        return np.concatenate([batch.images.numpy() for batch in self.batches(rows)])

    def batches(self, rows: np.ndarray) -> Iterator[CellBatch]:
        """Return real cells some at a time, with masks where the recipe asks for them."""
        for start in range(0, len(rows), PART):
            yield self._reader.read(rows[start : start + PART])

    def noise(self, n: int, seed: int) -> np.ndarray:
        """Return ``n`` points (n, Z) of the noise space; of equal seeds the first points are equal whatever ``n``."""
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed)
            parts = [self._generative.noise(NOISE_PART) for _ in range(-(-n // NOISE_PART))]
        return _array(torch.cat(parts)[:n]) if parts else np.empty((0, 0), np.float32)

    def generate(self, z: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Synthesise cells.

        Args:
            z: (n, Z) points of the noise space.
            rows: (n,) cells of the store: a conditional model, which needs them, is told what they were treated with.
        """
        generative, told = self._generative, self._told(rows, len(z))
        return self._computed(generative.generate, z, told)

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Return the codes (n, Z) of cells of the store."""
        invertible = self._invertible
        with self._looking():
            return np.concatenate([_array(invertible.encode(batch.to(self.device))) for batch in self.batches(rows)])

    def decode(self, z: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the images of codes (n, Z); ``rows`` as in :meth:`generate`."""
        invertible, told = self._invertible, self._told(rows, len(z))

        def decoded(part: Tensor, condition: Tensor | None) -> Tensor:
            return invertible.decode(part) if condition is None else invertible.decode(part, condition)  # type: ignore[call-arg]

        return self._computed(decoded, z, told)

    def embed(self, images: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
        """Return the representation (n, D) of images (n, C, H, W), and where the recipe asks for them masks (n, H, W)."""

        def embedded(start: int) -> np.ndarray:
            seen = None if masks is None else torch.from_numpy(masks[start : start + PART])
            part = torch.from_numpy(np.ascontiguousarray(images[start : start + PART], np.float32))
            return _array(self.method.embed(CellBatch(part, seen, self.channels).to(self.device)))

        with self._looking():
            return np.concatenate([embedded(start) for start in range(0, len(images), PART)])

    def _computed(self, compute: Compute, z: np.ndarray, told: np.ndarray | None) -> np.ndarray:
        images = []
        with self._looking():
            for start in range(0, len(z), PART):
                part = torch.from_numpy(np.ascontiguousarray(z[start : start + PART], np.float32)).to(self.device)
                condition = None if told is None else torch.from_numpy(told[start : start + PART]).to(self.device)
                images.append(_array(compute(part, condition)))
        return np.concatenate(images) if images else np.empty((0, len(self.channels), self.size, self.size), np.float32)

    def _told(self, rows: np.ndarray | None, n: int) -> np.ndarray | None:
        """What a conditional model is told; None for others."""
        if not self.conditions:
            return None
        if rows is None or len(rows) != n:
            raise CytoBenchError(f"{self.name} is told of treatments; say for each of the {n} cells which cell's")
        return self._known.of(rows)

    @cached_property
    def _known(self) -> Conditions:
        known = Conditions(self.store, self.recipe.condition)
        if known.names != self.conditions:
            raise CytoBenchError(f"{self.name} was trained with other treatments than {self.store.name} has; give its own cells")
        return known

    @cached_property
    def _reader(self) -> BatchReader:
        return BatchReader(self.store, self.recipe.input)

    @property
    def device(self) -> torch.device:
        """What it computes on."""
        return device_of(self.method)

    @property
    def _generative(self) -> GenerativeMethod:
        if not isinstance(self.method, GenerativeMethod):
            raise CytoBenchError(f"{self.name} generates no cells; take a run of a generative method (lsgan, began, vae ...)")
        return self.method

    @property
    def _invertible(self) -> InvertibleMethod:
        if not isinstance(self.method, InvertibleMethod):
            raise CytoBenchError(f"{self.name} cannot encode and decode cells; take a run of bigan, began, vae, ae or conv-ae")
        return self.method

    def _looking(self) -> torch.inference_mode:
        if isinstance(self.method, torch.nn.Module):
            self.method.eval()
        return torch.inference_mode()


def device_of(method: Method) -> torch.device:
    """The device of a method's networks; the CPU where it has none."""
    held = method.parameters() if isinstance(method, torch.nn.Module) else iter(())
    return next((parameter.device for parameter in held), torch.device("cpu"))


def _array(values: Tensor | np.ndarray) -> np.ndarray:
    array: np.ndarray = values.float().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values, np.float32)
    return array
