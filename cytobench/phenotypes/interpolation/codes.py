"""What each code of InfoGAN changes: one code at a time goes from below to above its range while all else stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.interpolation.paths import codes_of
from cytobench.phenotypes.model import Model
from cytobench.schema import Record


@dataclass(frozen=True)
class Traversal:
    """Cells at several values of each code."""

    model: Model
    seed: int
    values: np.ndarray
    """(S,) of the code that changes; the others are 0."""
    images: np.ndarray
    """(codes, rows, S, C, H, W): each row has its own noise, the same for every code."""

    @property
    def inside(self) -> np.ndarray:
        """(S,) bool: which values occur in training."""
        return np.abs(self.values) < 1 + 1e-9

    def changes(self) -> tuple[float, ...]:
        """How much each code changes the image.

        The root mean squared difference of pixels between the code values -1 and 1, divided by that between rows of
        different noise: 0 where the code does nothing, 1 where it changes as much as other noise does.
        """
        first, last = np.flatnonzero(self.inside)[[0, -1]]
        by_code = (self.images[:, :, last] - self.images[:, :, first]).reshape(len(self.images), -1)
        middle = self.images[0, :, len(self.values) // 2]
        by_noise = float(np.sqrt(np.square(middle - np.roll(middle, 1, axis=0)).mean()))
        return tuple(float(np.sqrt(np.square(change).mean())) / max(by_noise, 1e-12) for change in by_code)


class TraversalRecord(Record):
    """What a traversal shows, for programs."""

    schema_version: Literal[1] = 1
    model: str
    title: str
    seen: str
    seed: int
    values: tuple[float, ...]
    changes: tuple[float, ...]
    """Of each code: see ``Traversal.changes``."""
    files: tuple[str, ...]


def traverse_codes(model: Model, rows: int, steps: int, seed: int) -> Traversal:
    """Generate cells while one code after the other goes from -1 to 1 and a step beyond, the other codes at 0.

    Args:
        model: one whose noise ends with codes (InfoGAN; Chen et al. 2016, doi:10.48550/arXiv.1606.03657).
        rows: points of noise, at least two, by which to see that a code means the same everywhere.
        steps: values of a code; from 5 on the first and the last lie beyond what occurs in training.
        seed: of the noise.

    Raises:
        CytoBenchError: where the model has no codes.
    """
    codes = codes_of(model)
    if not codes:
        raise CytoBenchError(f"{model.name} has no codes; leave out --codes, or take a run of infogan")
    reach = 1 + 2 / (steps - 3) if steps >= 5 else 1.0
    values = np.linspace(-reach, reach, steps)
    z = np.broadcast_to(model.noise(rows, seed)[None, :, None], (codes, rows, steps, model.noise(1, seed).shape[1])).copy()
    z[..., -codes:] = 0
    for code in range(codes):
        z[code, ..., z.shape[-1] - codes + code] = values
    images = model.generate(z.reshape(-1, z.shape[-1]))
    return Traversal(model, seed, values, images.reshape(codes, rows, steps, *images.shape[1:]))
