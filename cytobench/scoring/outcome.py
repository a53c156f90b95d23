"""All scores of one set of post-processed profiles."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cytobench.profiling.aggregate import mean_by_group
from cytobench.results.schema import Estimate, PanelEntry, Prediction
from cytobench.scoring import moa
from cytobench.scoring.protocol import MOAProtocol
from cytobench.scoring.retrieval import average_precision
from cytobench.scoring.screen import Screen
from cytobench.scoring.uncertainty import CompoundBootstrap


def bootstrap_of(protocol: MOAProtocol, compounds: np.ndarray, *, by_compound: bool = False) -> CompoundBootstrap:
    """The protocol's resampling of the compounds behind a set of scored items."""
    return CompoundBootstrap(
        compounds, samples=protocol.bootstrap_samples, level=protocol.level, seed=protocol.seed, by_compound=by_compound
    )


class Outcome:
    """The scores of one screen under one post-processing.

    Args:
        protocol: how the intervals are made.
        screen: the wells and what they are.
        wells: (wells, D) post-processed profiles.
    """

    def __init__(self, protocol: MOAProtocol, screen: Screen, wells: np.ndarray):
        self._protocol, self._screen, self._wells = protocol, screen, wells
        profiles = mean_by_group(wells[screen.treated], screen.owner, len(screen.treatments))
        self._similarity = moa.cosine_similarity(profiles)
        self._nsc = moa.nearest_neighbours(self._similarity, moa.not_same_compound(screen.compounds), screen.moas)

    def entry(self, name: str, dropped: int) -> PanelEntry:
        """Every score, for the panel."""
        screen = self._screen
        gallery = moa.not_same_compound_or_batch(screen.compounds, screen.treatment_batches, screen.moas)
        nscb = moa.nearest_neighbours(self._similarity, gallery, screen.moas)
        return PanelEntry(
            postprocessing=name,
            available=True,
            features=self._wells.shape[1],
            features_dropped=dropped,
            nsc=self._estimate(self._nsc.correct, self._nsc.queries),
            nsc_compound=self._estimate(self._nsc.correct, self._nsc.queries, by_compound=True),
            nscb=self._estimate(nscb.correct, nscb.queries),
            map_moa=self._map_moa(),
            map_replicate=self._map_replicate(),
        )

    def predictions(self) -> tuple[Prediction, ...]:
        """One row a treatment, not-same-compound."""
        return tuple(self._prediction(row, query) for row, query in enumerate(self._nsc.queries))

    def confusion(self) -> tuple[tuple[float, ...], ...]:
        """Rows true, columns predicted, in the order of the screen's labels."""
        counts = moa.confusion(self._nsc, self._screen.moas, self._screen.labels)
        return tuple(tuple(float(count) for count in row) for row in counts)

    def _estimate(self, values: np.ndarray, treatments: np.ndarray, *, by_compound: bool = False) -> Estimate | None:
        """The mean of ``values``, one for each of ``treatments`` (indices, with repeats for wells), without NaN."""
        counted = ~np.isnan(values)
        if not counted.any():
            return None
        values, treatments = values[counted], treatments[counted]
        bootstrap = bootstrap_of(self._protocol, self._screen.compounds[treatments], by_compound=by_compound)
        behind = np.unique(treatments)
        wells = self._screen.treated[np.isin(self._screen.owner, behind)]
        return Estimate(
            **bootstrap.estimate(values)._asdict(), treatments=len(behind), wells=len(wells), cells=self._screen.cells(wells)
        )

    def _map_moa(self) -> Estimate | None:
        """Positives: same MOA, other compound. Negatives: other MOA. Pairs of one compound do not count."""
        other_compound = moa.not_same_compound(self._screen.compounds)
        same_moa = self._screen.moas[:, None] == self._screen.moas[None, :]
        precision = average_precision(self._similarity, same_moa & other_compound, ~same_moa)
        return self._estimate(precision, np.arange(len(precision)))

    def _map_replicate(self) -> Estimate | None:
        """Positives: same treatment on another plate. Negatives: other compounds of the same batch."""
        screen = self._screen
        plates, batches = screen.plates[screen.treated], screen.batches[screen.treated]
        compounds = screen.compounds[screen.owner]
        positives = (screen.owner[:, None] == screen.owner[None, :]) & (plates[:, None] != plates[None, :])
        negatives = moa.not_same_compound(compounds) & (batches[:, None] == batches[None, :])
        similarity = moa.cosine_similarity(self._wells[screen.treated])
        return self._estimate(average_precision(similarity, positives, negatives), screen.owner)

    def _prediction(self, row: int, query: int) -> Prediction:
        screen, weights = self._screen, self._nsc.weights[row]
        nearest = np.flatnonzero(weights)
        shares = pd.Series(weights[nearest]).groupby(screen.moas[nearest]).sum().sort_values(ascending=False, kind="stable")
        treatment = screen.treatments[query]
        wells = screen.treated[screen.owner == query]
        return Prediction(
            compound=treatment.compound,
            concentration=treatment.concentration,
            moa=treatment.moa,
            predicted=" | ".join(shares.index),
            correct=float(self._nsc.correct[row]),
            neighbour=" | ".join(screen.treatments[index].name for index in nearest[:5]) + (" | ..." if len(nearest) > 5 else ""),
            distance=float(1 - self._similarity[query, nearest[0]]),
            wells=len(wells),
            cells=screen.cells(wells),
        )
