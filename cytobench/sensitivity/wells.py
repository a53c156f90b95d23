"""Wells under each choice that is made before post-processing: aggregation, whitening of cells, features, taxol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from typing import NamedTuple, cast

import numpy as np
import pandas as pd

from cytobench.benchmark import MOABenchmark
from cytobench.datasets.profiles import metadata_columns, treatment_name
from cytobench.errors import CytoBenchError
from cytobench.profiling.aggregate import impute
from cytobench.profiling.explorations import Explorations
from cytobench.profiling.postprocess import NotAvailableError, Panel
from cytobench.profiling.robust import Average, aggregate_cells
from cytobench.profiling.selection import select_features
from cytobench.scoring.screen import Screen
from cytobench.sensitivity.cells import EmbeddedCells
from cytobench.sensitivity.declaration import Setting
from cytobench.sensitivity.whitening import whitened_wells

SELECTION = ("variance_threshold", "blocklist", "correlation_threshold")
"""Operations of pycytominer, in their order."""


class WellChoices(NamedTuple):
    """What decides a table of wells."""

    aggregation: str
    whitening: str
    features: str
    pinned: bool
    """Whether only the pinned wells of the positive control count."""

    @classmethod
    def of(cls, setting: Setting) -> WellChoices:
        """The choices of a setting; to average cells into treatments begins with the mean of wells."""
        aggregation = "mean" if setting.aggregation == "cells-to-treatments" else setting.aggregation
        return cls(aggregation, setting.whitening, setting.features, setting.taxol == "pinned")


class PreparedWells:
    """The scored wells under one choice, ready to be post-processed.

    Args:
        benchmark: whose wells count.
        profiles: one row a well.
        pinned: whether only the pinned wells count of the treatments that the protocol pins.
    """

    def __init__(self, benchmark: MOABenchmark, profiles: pd.DataFrame, *, pinned: bool):
        protocol = benchmark.protocol
        counted = protocol if pinned else protocol.model_copy(update={"pinned_wells": ()})
        self.protocol = protocol
        self.pinned = frozenset(treatment_name(one.compound, one.concentration) for one in protocol.pinned_wells)
        self.screen = Screen(counted, benchmark.treatments, profiles)

    def apply(self, name: str) -> np.ndarray:
        """(wells, D') values after a post-processing; :class:`NotAvailableError` where there is none."""
        with _lost_alone():
            processed: np.ndarray = self._explorations.apply(name).values
        return processed

    @cached_property
    def _explorations(self) -> Explorations:
        screen = self.screen
        values, _, _ = impute(screen.values, screen.control)
        minimum, constant = self.protocol.minimum_controls, self.protocol.constant_feature
        panel = Panel(values, screen.control, screen.plates, screen.batches, minimum_controls=minimum, constant=constant)
        return Explorations(panel)


class WellTables:
    """The profile tables of one run.

    Args:
        benchmark: whose wells count.
        profiles: the run's own table.
        cells: opens the run's cells; :class:`NotAvailableError` where it has none.
    """

    def __init__(self, benchmark: MOABenchmark, profiles: pd.DataFrame, cells: Callable[[], EmbeddedCells]):
        self._benchmark, self._profiles, self._open = benchmark, profiles, cells
        self._tables: dict[tuple[str, str], pd.DataFrame] = {("mean", "none"): profiles}

    def prepare(self, choices: WellChoices) -> PreparedWells:
        """The wells under ``choices``; :class:`NotAvailableError` where they cannot be made."""
        table = self._table(choices.aggregation, choices.whitening)
        if choices.features == "selected":
            table = table[[*metadata_columns(table), *_selected(table)]]
        wells = PreparedWells(self._benchmark, table, pinned=choices.pinned)
        if not choices.pinned and len(wells.screen.wells) == self._pinned_wells:
            raise NotAvailableError("the table holds no other wells of the treatments of which the protocol pins some")
        return wells

    def _table(self, aggregation: str, whitening: str) -> pd.DataFrame:
        if (aggregation, whitening) not in self._tables:
            if whitening != "none" and aggregation != "mean":
                raise NotAvailableError(f"whitened cells are averaged by their mean alone, not by {aggregation}")
            cells, how = self._cells, cast(Average, aggregation)
            with _lost_alone():
                self._tables[aggregation, whitening] = (
                    aggregate_cells(cells.values, cells.cells, cells.feature_names, how)
                    if whitening == "none"
                    else whitened_wells(cells, self._benchmark.protocol)
                )
        return self._tables[aggregation, whitening]

    @cached_property
    def _pinned_wells(self) -> int:
        """Wells that the protocol counts."""
        return len(PreparedWells(self._benchmark, self._profiles, pinned=True).screen.wells)

    @cached_property
    def _cells(self) -> EmbeddedCells:
        return self._open()


@contextmanager
def _lost_alone() -> Iterator[None]:
    """What fails at one choice is not available there, and every other choice is measured all the same."""
    try:
        yield
    except (CytoBenchError, np.linalg.LinAlgError) as error:
        raise NotAvailableError(str(error)) from None


def _selected(table: pd.DataFrame) -> list[str]:
    try:
        return select_features(table, SELECTION)
    except CytoBenchError as error:
        if find_spec("pycytominer") is None:
            raise  # an installation that lacks it would leave a hole in the map that is no fact about the method
        raise NotAvailableError(str(error)) from None
