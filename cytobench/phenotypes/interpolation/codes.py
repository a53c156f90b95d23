"""What each code of InfoGAN changes: one code at a time goes from below to above its range while all else stays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.interpolation.paths import codes_of, places_of, told_of
from cytobench.phenotypes.model import Model
from cytobench.results.measures import Measure
from cytobench.schema import Record
from cytobench.scoring.resampling import mean_interval

RESAMPLES = 2000
"""Bootstrap resamples of points of noise."""


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

    @cached_property
    def changes(self) -> tuple[Measure, ...]:
        """How much each code changes the image: 0 where it does nothing, 1 where it changes as much as other noise does.

        Of each row the root mean squared difference of pixels between the code values -1 and 1, divided by that between its image
        and those of the other rows, all codes 0; the mean over rows, with its 95% bootstrap interval.
        """
        first, last = np.flatnonzero(self.inside)[[0, -1]]
        middle = self.images[0, :, len(self.values) // 2]
        rows = len(middle)
        squares = np.array([[np.square(one - other).mean() for other in middle] for one in middle])
        by_noise = np.sqrt(squares.sum(axis=1) / (rows - 1))
        if not by_noise.all():
            return (Measure(value=None, n=rows, reason="all noise gives one image"),) * len(self.images)
        by_code = np.sqrt(np.square(self.images[:, :, last] - self.images[:, :, first]).mean(axis=(2, 3, 4)))
        return tuple(Measure.of(float(one.mean()), mean_interval(one, RESAMPLES, 0), rows) for one in by_code / by_noise)


class TraversalRecord(Record):
    """What a traversal shows, for programs."""

    schema_version: Literal[1] = 1
    model: str
    title: str
    seen: str
    seed: int
    values: tuple[float, ...]
    changes: tuple[Measure, ...]
    """Of each code: see ``Traversal.changes``."""
    files: tuple[str, ...]


def traverse_codes(model: Model, rows: int, steps: int, seed: int) -> Traversal:
    """Generate cells while one code after the other goes from -1 to 1 and a step beyond, the other codes at 0.

    A conditional model is told the treatment of one cell, drawn at random, at each point of noise.

    Args:
        model: one whose noise ends with codes (InfoGAN; Chen et al. 2016, doi:10.48550/arXiv.1606.03657).
        rows: points of noise, at least two, by which to see that a code means the same everywhere.
        steps: values of a code, an odd number; from 5 on the first and the last lie beyond what occurs in training.
        seed: of the noise.

    Raises:
        CytoBenchError: where the model has no codes, there are fewer than two rows, or ``steps`` is even.
    """
    codes = codes_of(model)
    if not codes:
        raise CytoBenchError(f"{model.name} has no codes; leave out --codes, or take a run of infogan")
    if rows < 2:
        raise CytoBenchError(f"--pairs {rows}: what a code changes is compared with other noise; take at least 2 points of it")
    reach = 1 + 2 / (steps - 3) if steps >= 5 else 1.0
    values = (2 * places_of(steps) - 1) * reach
    noise = model.noise(rows, seed)
    z = np.broadcast_to(noise[None, :, None], (codes, rows, steps, noise.shape[1])).copy()
    z[..., -codes:] = 0
    for code in range(codes):
        z[code, ..., z.shape[-1] - codes + code] = values
    told = np.tile(np.repeat(told_of(model, rows, seed), steps), codes)
    images = model.generate(z.reshape(-1, z.shape[-1]), told)
    return Traversal(model, seed, values, images.reshape(codes, rows, steps, *images.shape[1:]))


def change_text(change: Measure) -> str:
    """Say what a code changes, for people."""
    if change.value is None:
        return f"not known what it changes: {change.reason}"
    within = "" if change.low is None else f" [{change.low:.2g}, {change.high:.2g}]"
    return f"changes pixels {change.value:.2g}{within} times as much as other noise does"
