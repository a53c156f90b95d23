"""From one cell to another: along a path through a model's noise or codes, and for comparison by a cross-fade of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.interpolation.paths import Path, Space, codes_of, linear, paths_of, places_of, spherical, told_of
from cytobench.phenotypes.model import Model

CROSS_FADE = "cross-fade"
"""The path that no model is needed for: a weighted mean of the two end images, pixel by pixel."""

MANY, SPARE = 1_000_000, 64
"""Possible pairs above which they are drawn one by one, and draws to spare there for the few that are drawn twice."""


@dataclass(frozen=True)
class Interpolation:
    """Images along paths between pairs of points of one space of a model."""

    model: Model
    space: Space
    seed: int
    places: np.ndarray
    """(S,) from 0 to 1."""
    images: dict[str, np.ndarray]
    """(P, S, C, H, W) in [0, 1] by path; last the cross-fade between the same end images."""
    cells: np.ndarray | None = None
    """(P, 2) rows of the cells that a latent path runs between; None of noise."""
    groups: tuple[str, str] | None = None
    """What those cells are called; None for any cells."""

    @property
    def pairs(self) -> int:
        """How many pairs of ends."""
        return len(next(iter(self.images.values())))


def interpolate(
    model: Model,
    cohorts: Cohorts,
    *,
    space: Space | None = None,
    path: Path | Literal["both"] = "both",
    start: str | None = None,
    end: str | None = None,
    pairs: int = 64,
    steps: int = 9,
    seed: int = 0,
) -> Interpolation:
    """Make paths between pairs of points of noise, or of cells.

    Args:
        model: generates or inverts.
        cohorts: of its store.
        space: ``noise`` or ``latent``; where None noise, but latent if cells are named or the model does not generate.
        path: ``linear``, ``spherical``, or ``both`` as far as they suit the space.
        start: what the first cells of latent paths are called, as ``Cohorts`` names them; any cells where None.
        end: the same of the last cells.
        pairs: paths; fewer where there are no more pairs of such cells.
        steps: images along a path, its ends among them; an odd number, so that one lies midway.
        seed: of noise and of the choice of cells.

    Raises:
        CytoBenchError: where the model has no such space, the space no such path, the store no such cells, or ``steps`` is even.
    """
    named = start is not None or end is not None
    space = space or ("latent" if named or not model.generates else "noise")
    paths = paths_of(model, space, path)
    if space == "noise":
        if named:
            raise CytoBenchError(
                "--from and --to name cells, which have no place in noise; take --space latent, or leave them out"
            )
        return interpolate_noise(model, pairs, steps, seed, paths)
    every = np.arange(len(model.store))
    starts, ends = (every if name is None else cohorts.rows(name) for name in (start, end))
    groups = (_called(cohorts, start), _called(cohorts, end)) if named else None
    return interpolate_cells(model, draw_pairs(starts, ends, pairs, seed), steps, seed, groups)


def interpolate_noise(model: Model, pairs: int, steps: int, seed: int, paths: tuple[Path, ...]) -> Interpolation:
    """Generate cells along paths between ``pairs`` pairs of points of the noise space.

    Codes (InfoGAN's, uniform) always change linearly. A conditional model is told the treatment of one cell, drawn at random, all
    along a path.
    """
    places, z = places_of(steps), model.noise(2 * pairs, seed).astype(np.float64)
    starts, ends, told = z[0::2], z[1::2], np.repeat(told_of(model, pairs, seed), steps)
    free = z.shape[1] - codes_of(model)
    images: dict[str, np.ndarray] = {}
    for path in paths:
        points = linear(starts, ends, places)
        if path == "spherical":
            points[..., :free] = spherical(starts[:, :free], ends[:, :free], places)
        images[path] = model.generate(points.reshape(-1, points.shape[-1]), told).reshape(pairs, steps, *_shape(model))
    return _with_cross_fade(Interpolation(model, "noise", seed, places, images))


def interpolate_cells(
    model: Model, cells: np.ndarray, steps: int, seed: int, groups: tuple[str, str] | None = None
) -> Interpolation:
    """Decode straight lines between the codes of pairs of cells.

    A conditional model is told the treatment of the first cell all along a path.

    Args:
        model: inverts.
        cells: (P, 2) rows of its store.
        steps: images along a path, its ends among them; an odd number, so that one lies midway.
        seed: that the cells were drawn by.
        groups: what the first and the second cells are called.
    """
    places = places_of(steps)
    codes = model.encode(cells.reshape(-1)).reshape(*cells.shape, -1).astype(np.float64)
    points = linear(codes[:, 0], codes[:, 1], places)
    decoded = model.decode(points.reshape(-1, points.shape[-1]), np.repeat(cells[:, 0], steps))
    images = {"linear": decoded.reshape(len(cells), steps, *_shape(model))}
    return _with_cross_fade(Interpolation(model, "latent", seed, places, images, cells, groups))


def draw_pairs(starts: np.ndarray, ends: np.ndarray, pairs: int, seed: int) -> np.ndarray:
    """Draw up to ``pairs`` different pairs (P, 2) of one of ``starts`` and one of ``ends``, never of a cell with itself.

    Of equal seeds the first pairs are equal whatever ``pairs``.

    Raises:
        CytoBenchError: where there is no pair.
    """
    possible = len(starts) * len(ends)
    generator = np.random.default_rng(seed)
    if possible > MANY:  # more pairs asked for, or fewer, begin with the same ones
        drawn = np.fromiter(dict.fromkeys(generator.integers(possible, size=2 * pairs + SPARE).tolist()), np.int64)
    else:
        drawn = generator.permutation(possible)
    found = np.stack([starts[drawn // len(ends)], ends[drawn % len(ends)]], axis=1)
    found = found[found[:, 0] != found[:, 1]][:pairs]
    if not len(found):
        raise CytoBenchError(f"--from and --to name the same one cell, row:{starts[0]}; name two")
    return found


def _called(cohorts: Cohorts, name: str | None) -> str:
    return "any cell" if name is None else cohorts.name_of(name)


def _with_cross_fade(made: Interpolation) -> Interpolation:
    ends = next(iter(made.images.values()))
    made.images[CROSS_FADE] = linear(ends[:, 0], ends[:, -1], made.places).astype(np.float32)
    return made


def _shape(model: Model) -> tuple[int, int, int]:
    return len(model.channels), model.size, model.size
