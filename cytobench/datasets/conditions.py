"""What a conditional method is told of a cell in training: its concentration, and where the recipe says so its compound."""

from __future__ import annotations

import numpy as np

from cytobench.datasets.store import CellStore
from cytobench.training.settings import Condition

LOWEST = 1e-3
"""Micromolar; about the lowest concentration in BBBC021. It keeps the logarithm of the controls' 0 finite."""

DECADES = 5
"""From ``LOWEST`` to the highest concentration in BBBC021, 100 micromolar."""


class Conditions:
    """The conditions of a store's cells.

    Args:
        store: the cells.
        condition: ``concentration``, ``treatment`` (a column for each compound too) or None for none at all.
    """

    def __init__(self, store: CellStore, condition: Condition | None):
        self.names: tuple[str, ...] = ()
        """What each column says."""
        if condition is None:
            return
        numbers, concentrations = store.groups("concentration")
        decades = np.log10(np.array(concentrations, np.float32) + LOWEST) - np.log10(LOWEST)
        self._concentration = (decades / DECADES).astype(np.float32)[numbers]
        self._compound, compounds = store.groups("compound") if condition == "treatment" else (numbers, ())
        self.names = (
            f"log10 of the concentration in micromolar, {LOWEST:g} as 0 and {LOWEST * 10**DECADES:g} as 1",
            *(f"compound {name}" for name in compounds),
        )

    def of(self, rows: np.ndarray) -> np.ndarray | None:
        """Return (len(rows), K) float32, None where there is no condition."""
        if not self.names:
            return None
        compounds = np.arange(len(self.names) - 1)
        one_hot = self._compound[rows, None] == compounds
        return np.concatenate([self._concentration[rows, None], one_hot.astype(np.float32)], axis=1)
