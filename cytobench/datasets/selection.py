"""Which cells of a store to train on, as a person writes it: ``week!=Week10``."""

from __future__ import annotations

import re

import numpy as np

from cytobench.datasets.layout import week_of
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError, nearest

COLUMNS = ("week", "plate", "well", "site", "replicate")
"""What cells may be chosen by: where they lay, never what they were treated with."""


def select(store: CellStore, expression: str | None) -> np.ndarray:
    """Return the rows (n,) int32 of the cells that ``expression`` chooses; all where it is None.

    Args:
        store: the cells.
        expression: ``column=value`` or ``column!=value``; several values are separated by commas, several conditions by ``and``.

    Raises:
        CytoBenchError: where it cannot be read, names no such column or value, or chooses no cell.
    """
    chosen = np.ones(len(store), bool)
    for condition in [] if expression is None else re.split(r"\s+and\s+", expression.strip()):
        chosen &= _matching(store, condition)
    if not chosen.any():
        raise CytoBenchError(f"train_on {expression!r} chooses none of the {len(store)} cells of {store.name}")
    return np.flatnonzero(chosen).astype(np.int32)


def _matching(store: CellStore, condition: str) -> np.ndarray:
    found = re.fullmatch(r"(\w+)\s*(!?=)\s*(\S.*)", condition)
    if found is None:
        raise CytoBenchError(f"train_on {condition!r}: write column=value or column!=value, as week!=Week10")
    column, sign, text = found.groups()
    if column not in COLUMNS:
        raise CytoBenchError(
            f"train_on {condition!r}: cells are chosen by {', '.join(COLUMNS)}, never by what they were treated with"
            f"{nearest(column, COLUMNS)}"
        )
    numbers, names = _values(store, column)
    wanted = [value.strip() for value in text.split(",")]
    for value in wanted:
        if value not in names:
            raise CytoBenchError(f"train_on {condition!r}: {store.name} has no {column} {value!r}{nearest(value, names)}")
    among = np.isin(numbers, [place for place, name in enumerate(names) if name in wanted])
    return among if sign == "=" else ~among


def _values(store: CellStore, column: str) -> tuple[np.ndarray, list[str]]:
    """The number of each cell's value, and the values."""
    numbers, names = store.groups("plate" if column == "week" else column)
    return numbers, [week_of(name) if column == "week" else name for name in names]
