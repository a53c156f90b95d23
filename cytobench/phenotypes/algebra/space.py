"""The codes of a screen's cells, as they are and as the profiles that ``bbbc021-moa`` compares.

The protocol averages the codes of each well, post-processes wells by an affine map that is fitted on control wells, and averages
the wells of each treatment. An affine map commutes with a mean, so it is applied to cells, and a mean over wells of means over
cells is the protocol's profile of any group of cells. After it the control wells have mean 0: the origin is DMSO.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from cytobench.benchmark import MOABenchmark
from cytobench.datasets.profiles import treatment_name
from cytobench.errors import CytoBenchError
from cytobench.phenotypes.algebra.map import Encoder, affine_map, encoded
from cytobench.phenotypes.cohorts import ROW, Cohorts
from cytobench.profiling.aggregate import cells_to_wells, mean_by_group, wells_of
from cytobench.scoring.screen import Screen

NOTHING = np.empty(0, np.int64)
"""No rows."""


PRIME = "'"
"""After the control's name: a second, disjoint half of the control cells; the name without it then means the first half."""


def named_in(cohorts: Cohorts, name: str) -> str:
    """The proper spelling of a name in an expression; :class:`CytoBenchError` where there are no such cells."""
    known = cohorts.name_of(name.removesuffix(PRIME))
    if not name.endswith(PRIME):
        return known
    if known != cohorts.control:
        raise CytoBenchError(f"only {cohorts.control} has a second half {cohorts.control}{PRIME}, {known} has none")
    return f"{known}{PRIME}"


def whole(cohorts: Cohorts, name: str) -> str:
    """The cohort that a proper name is of: for ``DMSO'`` all of DMSO."""
    return cohorts.control if name == f"{cohorts.control}{PRIME}" else name


class CodeSpace:
    """Codes and profiles of groups of cells. Nothing here reads a mechanism of action, but to find the cells of one by its name.

    Args:
        model: an invertible one.
        benchmark: whose protocol makes profiles.
        names: cohorts that will be asked for beside the benchmark's treatments and its control.
        progress: show a bar on stderr while cells are encoded.

    Raises:
        CytoBenchError: where the model cannot encode, or there are too few control wells to make profiles.
    """

    def __init__(self, model: Encoder, benchmark: MOABenchmark, names: tuple[str, ...] = (), *, progress: bool = False):
        self.benchmark, self.cohorts, self.store = benchmark, Cohorts.of(model.store, benchmark), model.store
        treated = [self.cohorts.treatments.get(name, NOTHING) for name in benchmark.treatments]
        self._rows = np.unique(np.concatenate([self.cohorts.controls, *treated, *map(self.cohorts.rows, names)]).astype(np.int64))
        self._cells = model.store.cells.iloc[self._rows]
        self.codes = encoded(model, self._rows, progress)
        self._wells, self._owner = wells_of(self._cells)
        matrix, offset = affine_map(self.screen, benchmark, model.store.name)
        self.profiles = self.codes @ matrix + offset

    @cached_property
    def screen(self) -> Screen:
        """The wells that the protocol counts."""
        columns = [f"Code_{number:04d}" for number in range(self.codes.shape[1])]
        return Screen(
            self.benchmark.protocol,
            self.benchmark.treatments,
            cells_to_wells(self.codes, self._cells.reset_index(drop=True), columns),
        )

    @cached_property
    def gallery(self) -> np.ndarray:
        """(T, D) profiles of the screen's treatments, in its order."""
        return np.array([self.mean(self.profiles, (self.treatment(t.name),)) for t in self.screen.treatments])

    @cached_property
    def counts(self) -> np.ndarray:
        """(T,) cells behind each profile of the gallery."""
        return np.array([len(self.treatment(t.name)) for t in self.screen.treatments])

    def treatment(self, name: str) -> np.ndarray:
        """The places (n,), among all codes, of a treatment's cells; of a treatment with pinned wells only those in them."""
        found = self._at(self.cohorts.treatments[name])
        if name not in self._pinned:
            return found
        pinned = found[self._pinned[name][self._owner[found]]]
        if not len(pinned):
            raise CytoBenchError(f"{self.store.name} has no cell of {name} in the wells that {self.benchmark.identity} counts")
        return pinned

    def members(self, name: str) -> tuple[np.ndarray, ...]:
        """The places of the cells of a cohort by its proper name, one array for each of its treatments."""
        if ROW.fullmatch(name) or name == self.cohorts.control:
            return (self._at(self.cohorts.rows(name)),)
        return tuple(self.treatment(one) for one in self.treatments_of(name))

    def treatments_of(self, name: str) -> tuple[str, ...]:
        """The treatments in a cohort: of a cell its own, of the control none."""
        if ROW.fullmatch(name):
            cell = self.store.cells.iloc[self.cohorts.rows(name)[0]]
            own = treatment_name(cell["compound"], cell["concentration"])
            return (own,) if own in self.cohorts.treatments else ()
        if name in self.cohorts.treatments or name == self.cohorts.control:
            return (name,) if name in self.cohorts.treatments else ()
        return self.cohorts.compounds.get(name) or self.cohorts.moas.get(name) or ()

    def mean(self, values: np.ndarray, members: tuple[np.ndarray, ...]) -> np.ndarray:
        """The mean (D,) over treatments of the mean over wells of the mean over cells of ``values`` (codes or profiles)."""
        return np.mean([self._well_means(values, places).mean(axis=0) for places in members], axis=0)

    def rows(self, places: np.ndarray) -> np.ndarray:
        """The rows in the store of some places."""
        return np.asarray(self._rows[places])

    def _well_means(self, values: np.ndarray, places: np.ndarray) -> np.ndarray:
        wells, owner = np.unique(self._owner[places], return_inverse=True)
        return mean_by_group(values[places], owner, len(wells))

    def _at(self, rows: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._rows, rows)

    @cached_property
    def _pinned(self) -> Mapping[str, np.ndarray]:
        """For each treatment with pinned wells, which wells those are."""
        plates, names = self._wells["Metadata_Plate"].astype(str), self._wells["Metadata_Well"].astype(str)
        pinned = self.benchmark.protocol.pinned_wells
        return {
            treatment_name(p.compound, p.concentration): ((names == p.well) & plates.isin(p.plates)).to_numpy() for p in pinned
        }


def halves(places: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Divide some places at random into two disjoint halves, each in order."""
    shuffled = generator.permutation(places)
    return np.sort(shuffled[: len(places) // 2]), np.sort(shuffled[len(places) // 2 :])
