"""Paths between points of a space, and which of them suit a model's noise or codes."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.model import Model

Space = Literal["noise", "latent"]
Path = Literal["linear", "spherical"]


def linear(starts: np.ndarray, ends: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the points (P, S, ...) of the straight lines from ``starts`` (P, ...) to ``ends`` at ``places`` (S,) in [0, 1]."""
    t = places.reshape(1, -1, *[1] * (starts.ndim - 1))
    return (1 - t) * starts[:, None] + t * ends[:, None]


def spherical(starts: np.ndarray, ends: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the points (P, S, Z) of great arcs from ``starts`` (P, Z) to ``ends`` at ``places`` (S,) in [0, 1].

    sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b, with w the angle of a and b: normally distributed points lie near a sphere,
    which straight lines cut through (White 2016, doi:10.48550/arXiv.1609.04468). Points on one line through 0 have no one arc
    between them and are joined by the straight line.
    """
    lengths = np.linalg.norm(starts, axis=1) * np.linalg.norm(ends, axis=1)
    cosine = (starts * ends).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    angle = np.arccos(cosine.clip(-1, 1))[:, None, None]
    aligned = np.sin(angle) < 1e-6
    sine = np.where(aligned, 1, np.sin(angle))
    t = places[None, :, None]
    arcs = (np.sin((1 - t) * angle) * starts[:, None] + np.sin(t * angle) * ends[:, None]) / sine
    return np.where(aligned, linear(starts, ends, places), arcs)


def places_of(steps: int) -> np.ndarray:
    """Return ``steps`` places (S,) from 0 to 1.

    Raises:
        CytoBenchError: where none of them lies midway.
    """
    if steps < 3 or steps % 2 == 0:
        raise CytoBenchError(
            f"--steps {steps}: must be odd and at least 3, so that one image lies midway; take {max(3, steps + 1)}"
        )
    return np.linspace(0, 1, steps)


def told_of(model: Model, n: int, seed: int) -> np.ndarray:
    """Draw the cells (n,) whose treatments a conditional model is told at ``n`` points of noise; others are told nothing."""
    return np.random.default_rng(seed).choice(len(model.store), n)


def normal_noise(model: Model) -> bool:
    """Whether a model's noise, its codes aside, is unbounded, as normal noise is; uniform noise lies between -1 and 1."""
    z = model.noise(64, 0)
    return bool(np.abs(z[:, : z.shape[1] - codes_of(model)]).max() > 1)


def codes_of(model: Model) -> int:
    """How many of the last columns of a model's noise are codes, as InfoGAN's; 0 of other models."""
    return int(getattr(model.method, "codes", 0))


def paths_of(model: Model, space: Space, asked: Path | Literal["both"]) -> tuple[Path, ...]:
    """Return the paths that suit a space: spherical ones only where points are normally distributed noise.

    Raises:
        CytoBenchError: where ``asked`` for a spherical path alone that does not suit.
    """
    spherical_suits = space == "noise" and normal_noise(model)
    if asked == "spherical" and not spherical_suits:
        why = f"the noise of {model.name} is uniform" if space == "noise" else "codes of cells have no such distribution"
        raise CytoBenchError(f"a spherical path is for normally distributed noise, but {why}; take --path linear")
    if asked == "both":
        return ("linear", "spherical") if spherical_suits else ("linear",)
    return (asked,)
