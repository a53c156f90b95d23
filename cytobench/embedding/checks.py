"""What a method promises of its vectors, checked where they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from cytobench.errors import CytoBenchError
from cytobench.method import Method

REPEATED_CELLS, TOLERANCE = 61, 1e-3
"""Cells embedded twice, and the relative difference that rounding may make between the two."""


def checked(vectors: torch.Tensor | np.ndarray, rows: int, method: Method) -> np.ndarray:
    """Return what a method gave as a NumPy array, or say what is wrong with it."""
    array = vectors.cpu().numpy() if isinstance(vectors, torch.Tensor) else np.asarray(vectors)
    if array.ndim != 2 or array.shape[0] != rows or array.shape[1] == 0:
        raise CytoBenchError(f"{name_of(method)} returned shape {array.shape} for {rows} rows; it must return ({rows}, D)")
    if array.dtype != np.float32:
        raise CytoBenchError(f"{name_of(method)} returned {array.dtype}; it must return float32 vectors")
    bad = np.isinf(array) if method.nan_features else ~np.isfinite(array)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise CytoBenchError(f"{name_of(method)} returned {array[row, column]} for row {row} of a batch, feature {column}")
    return array


def feature_names(names: Sequence[str] | None, features: int, method: str) -> tuple[str, ...]:
    """Return the method's own feature names, or numbered ones."""
    if names is None:
        return tuple(f"feature_{number:04d}" for number in range(features))
    if len(names) != features:
        raise CytoBenchError(f"{method} returned {features} features but names {len(names)}")
    return tuple(names)


def refuse_dependence(
    embed_rows: Callable[[np.ndarray], np.ndarray], order: np.ndarray, values: np.ndarray, method: Method
) -> None:
    """Embed a few cells again, in another order and beside other cells: each must get the vector that it had.

    Args:
        embed_rows: embeds cells by their rows in the store.
        order: (N,) in which they were embedded.
        values: (N, D) what came of it.
        method: to be blamed.
    """
    rows = order[:: max(len(order) // REPEATED_CELLS, 1)][:REPEATED_CELLS][::-1]
    again, before = embed_rows(rows), values[rows]
    scale = np.nanmax(np.abs(before), initial=0.0)
    far = ~np.isclose(again, before, rtol=TOLERANCE, atol=TOLERANCE * scale, equal_nan=True)
    if far.any():
        row = int(far.any(axis=1).argmax())
        raise CytoBenchError(
            f"{name_of(method)} gave cell {rows[row]} another vector beside other cells; embed() must be deterministic and "
            "must not depend on the batch (is a batch norm or a dropout in training mode?)"
        )


def name_of(method: Method) -> str:
    """The name of a method's class."""
    return type(method).__name__
