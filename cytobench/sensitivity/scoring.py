"""The scores of one set of post-processed wells under every metric, gallery and average."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from cytobench.profiling.aggregate import mean_by_group
from cytobench.profiling.postprocess import ROUNDING, NotAvailableError
from cytobench.scoring import moa
from cytobench.scoring.outcome import bootstrap_of
from cytobench.scoring.retrieval import average_precision
from cytobench.scoring.screen import Screen
from cytobench.sensitivity.declaration import Setting
from cytobench.sensitivity.record import Score
from cytobench.sensitivity.wells import PreparedWells


def similarity(profiles: np.ndarray, metric: str) -> np.ndarray:
    """Similarity of the rows of (n, D): (n, n), rounded as :func:`~cytobench.scoring.moa.cosine_similarity` is.

    Args:
        profiles: (n, D).
        metric: ``cosine``, ``pearson``, or ``euclidean`` (minus the distance, as a part of the largest one).
    """
    if metric == "cosine":
        return moa.cosine_similarity(profiles)
    if metric == "pearson":
        centred = profiles - profiles.mean(axis=1, keepdims=True)
        flat = np.abs(centred).max(axis=1, keepdims=True) <= ROUNDING * np.abs(profiles).max(axis=1, keepdims=True)
        return moa.cosine_similarity(np.where(flat, 0.0, centred))
    scaled = profiles / (np.abs(profiles).max(initial=0.0) or 1.0)  # so that no square overflows
    distances = cdist(scaled, scaled)
    nearer: np.ndarray = -np.round(distances / (distances.max(initial=0.0) or 1.0), moa.DECIMALS)
    return nearer


class ScoredWells:
    """The scores of one screen under one post-processing, each computed when it is first asked for.

    Args:
        wells: which wells they are.
        values: (wells, D) post-processed profiles.
    """

    def __init__(self, wells: PreparedWells, values: np.ndarray):
        self._screen, self._pinned, self._values = wells.screen, wells.pinned, values
        self._protocol = wells.protocol.model_copy(update={"bootstrap_samples": 1})  # the value alone is used
        self._similarities: dict[tuple[bool, str], np.ndarray] = {}
        self._galleries: dict[tuple[str, str, bool], np.ndarray] = {}

    def nsc(self, setting: Setting) -> Score | None:
        """Accuracy, not-same-compound."""
        return self._accuracy(setting, moa.not_same_compound(self._screen.compounds))

    def nscb(self, setting: Setting) -> Score | None:
        """Accuracy, not-same-compound-and-batch."""
        key = (setting.batch, setting.nscb_over, setting.taxol == "one-batch")
        if key not in self._galleries:
            self._galleries[key] = gallery(self._screen, self._pinned, *key)
        return self._accuracy(setting, self._galleries[key])

    def map_replicate(self, setting: Setting) -> Score | None:
        """Positives: same treatment on another plate. Negatives: other compounds of the same batch."""
        screen = self._screen
        plates, batches = screen.plates[screen.treated], screen.batches[screen.treated]
        compounds = screen.compounds[screen.owner]
        positives = (screen.owner[:, None] == screen.owner[None, :]) & (plates[:, None] != plates[None, :])
        negatives = moa.not_same_compound(compounds) & (batches[:, None] == batches[None, :])
        alike = similarity(self._values[screen.treated], setting.metric)
        return self._mean(average_precision(alike, positives, negatives), screen.owner, by_compound=False)

    def _accuracy(self, setting: Setting, allowed: np.ndarray) -> Score | None:
        neighbours = moa.nearest_neighbours(self._treatments_alike(setting), allowed, self._screen.moas)
        return self._mean(neighbours.correct, neighbours.queries, by_compound=setting.averaging == "compounds")

    def _treatments_alike(self, setting: Setting) -> np.ndarray:
        by_cells = setting.aggregation == "cells-to-treatments"
        if (by_cells, setting.metric) not in self._similarities:
            self._similarities[by_cells, setting.metric] = similarity(self._treatments(by_cells), setting.metric)
        return self._similarities[by_cells, setting.metric]

    def _treatments(self, by_cells: bool) -> np.ndarray:
        """(treatments, D) means over wells, each well counted once or by its number of cells."""
        screen = self._screen
        values, groups = self._values[screen.treated], len(screen.treatments)
        if not by_cells:
            return mean_by_group(values, screen.owner, groups)
        if "Metadata_Cells" not in screen.wells:
            raise NotAvailableError("the profile table does not say how many cells a well has")
        cells = screen.wells["Metadata_Cells"].to_numpy(np.float64)[screen.treated, None]
        return mean_by_group(values * cells, screen.owner, groups) / mean_by_group(cells, screen.owner, groups)

    def _mean(self, values: np.ndarray, treatments: np.ndarray, *, by_compound: bool) -> Score | None:
        """The mean of ``values``, one for each of ``treatments`` (indices), as the protocol takes it; None without values."""
        counted = ~np.isnan(values)
        if not counted.any():
            return None
        compounds = self._screen.compounds[treatments[counted]]
        interval = bootstrap_of(self._protocol, compounds, by_compound=by_compound).estimate(values[counted])
        return Score(value=interval.value, n=interval.n)


def gallery(screen: Screen, pinned: frozenset[str], batch: str, over: str, one_batch: bool) -> np.ndarray:
    """NSCB: which treatments (columns) each treatment (rows) may find, (n, n) bool.

    Args:
        screen: the wells.
        pinned: the treatments that the protocol pins.
        batch: ``week`` or ``plate``.
        over: ``reachable`` (the protocol's), or ``all``: MOAs that sit in one batch are asked and found, too.
        one_batch: whether each of ``pinned`` is given the batch of its first plate only.
    """
    plates = screen.plates[screen.treated]
    names = screen.batches[screen.treated] if batch == "week" else plates
    batches = [frozenset(names[screen.owner == number]) for number in range(len(screen.treatments))]
    for number, treatment in enumerate(screen.treatments):
        if one_batch and treatment.name in pinned:
            wells = np.flatnonzero(screen.owner == number)
            batches[number] = frozenset({names[min(wells, key=lambda well: plates[well])]})
    if over == "reachable":
        return moa.not_same_compound_or_batch(screen.compounds, batches, screen.moas)
    apart = np.array([[not (a & b) for b in batches] for a in batches])
    return moa.not_same_compound(screen.compounds) & apart
