"""Which cells of a store a person means: by treatment, compound, mechanism of action, control or row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from cytobench.benchmark import MOABenchmark
from cytobench.datasets.profiles import treatment_name
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError, nearest

ROW = re.compile(r"row:(\d+)")


class Cohorts:
    """Named groups of the cells of a store.

    Args:
        store: the cells.
        moas: the mechanism of action of each labelled treatment (``compound@concentration``).
        control: the compound of control wells.
    """

    def __init__(self, store: CellStore, moas: Mapping[str, str], control: str = "DMSO"):
        self._store, self._moas, self.control = store, moas, control

    @classmethod
    def of(cls, store: CellStore, benchmark: MOABenchmark) -> Cohorts:
        """The treatments of a store, with the mechanisms of action and the control of a benchmark."""
        moas = {name: treatment.moa for name, treatment in benchmark.treatments.items()}
        return cls(store, moas, benchmark.protocol.control)

    @cached_property
    def treatments(self) -> dict[str, np.ndarray]:
        """The rows (n,) of each treatment's cells (``taxol@0.3``), controls left out, by compound and rising concentration."""
        ordered = sorted(self._pairs, key=lambda pair: (pair[0], pair[1]))
        return {treatment_name(*pair): self._pairs[pair] for pair in ordered if pair[0] != self.control}

    @cached_property
    def compounds(self) -> dict[str, tuple[str, ...]]:
        """The treatments of each compound, by rising concentration."""
        found: dict[str, list[str]] = {}
        for name in self.treatments:
            found.setdefault(name.rpartition("@")[0], []).append(name)
        return {compound: tuple(names) for compound, names in found.items()}

    @cached_property
    def moas(self) -> dict[str, tuple[str, ...]]:
        """The treatments of each mechanism of action that are here."""
        found: dict[str, list[str]] = {}
        for name in self.treatments:
            if name in self._moas:
                found.setdefault(self._moas[name], []).append(name)
        return {moa: tuple(found[moa]) for moa in sorted(found)}

    @cached_property
    def controls(self) -> np.ndarray:
        """The rows of the control cells."""
        rows = [rows for (compound, _), rows in self._pairs.items() if compound == self.control]
        return np.sort(np.concatenate(rows)) if rows else np.empty(0, np.int64)

    def moa_of(self, treatment: str) -> str | None:
        """The mechanism of action of a treatment; None where it has no label."""
        return self._moas.get(treatment)

    def known(self) -> tuple[str, ...]:
        """Every name that :meth:`rows` takes, but for rows."""
        return (self.control, *self.treatments, *self.compounds, *self.moas)

    def rows(self, name: str) -> np.ndarray:
        """Return the rows (n,) of the cells called ``name``, in the store's order.

        Args:
            name: the control (``DMSO``), a treatment (``taxol@0.3``, micromolar), a compound (all of its concentrations), a
                mechanism of action, or one cell (``row:12``); letters may be of either case.

        Raises:
            CytoBenchError: where there are none; names the nearest known name.
        """
        row = ROW.fullmatch(name.strip())
        if row is not None:
            return np.array([self._row(int(row[1]))])
        members = self._members(self.named(name))
        return np.sort(np.concatenate(members))

    def named(self, name: str) -> str:
        """The name as it is spelt here, whatever its case; ``taxol@0.30`` is ``taxol@0.3``."""
        wanted = _spelt(name.strip())
        for known in self.known():
            if known.casefold() == wanted.casefold() and len(self._members(known)):
                return known
        raise CytoBenchError(f"{self._store.name} has no cells called {name.strip()!r}{self._instead(wanted)}")

    def name_of(self, name: str) -> str:
        """:meth:`named`, or the name of one cell (``row:12``) as it is."""
        row = ROW.fullmatch(name.strip())
        return self.named(name) if row is None else f"row:{self._row(int(row[1]))}"

    def _instead(self, wanted: str) -> str:
        """What a name that is none may have meant."""
        if wanted.endswith("'"):
            return "; halves of cells, which the ' names, exist in 'cytobench algebra' only: leave it out"
        asked = wanted.rpartition("@")[0].casefold()
        doses = next((names for compound, names in self.compounds.items() if compound.casefold() == asked), ())
        if doses:
            return f"; its doses are {', '.join(doses)}"
        return nearest(wanted, self.known())

    def _members(self, name: str) -> list[np.ndarray]:
        if name == self.control:
            return [self.controls] if len(self.controls) else []
        if name in self.treatments:
            return [self.treatments[name]]
        return [self.treatments[one] for one in (self.compounds.get(name) or self.moas.get(name) or ())]

    def _row(self, row: int) -> int:
        if row >= len(self._store):
            cells = len(self._store)
            raise CytoBenchError(f"row:{row}: {self._store.name} has {cells} cells, row:0 to row:{cells - 1}")
        return row

    @cached_property
    def _pairs(self) -> dict[tuple[str, float], np.ndarray]:
        (compound, compounds), (level, levels) = self._store.groups("compound"), self._store.groups("concentration")
        number = compound.astype(np.int64) * len(levels) + level
        order = np.argsort(number, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(number[order])) + 1) if len(order) else []
        return {(compounds[compound[rows[0]]], float(levels[level[rows[0]]])): rows for rows in groups}


def _spelt(name: str) -> str:
    compound, at, concentration = name.rpartition("@")
    try:
        return treatment_name(compound.strip(), float(concentration)) if at else name
    except ValueError:
        return name
