"""Each version of the cells scored, and compared with the cells as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from cytobench.benchmark import MOABenchmark
from cytobench.phenotypes.channels.cells import ScoredCells
from cytobench.phenotypes.channels.embeddings import ChannelEmbeddings
from cytobench.phenotypes.channels.movement import cosine_distances, mean_cosine_distance
from cytobench.phenotypes.channels.versions import Version
from cytobench.profiling.aggregate import cells_to_wells
from cytobench.results.measures import Measure
from cytobench.results.schema import Difference, Estimate, Scores
from cytobench.scoring.outcome import bootstrap_of
from cytobench.scoring.uncertainty import Interval

NO_PARTNER = "every cell is alone in its well, so no channel can be swapped within a well"
ALONE = "every cell is alone in its treatment, so none can take the place of another"
NO_FEATURE = "no feature varies over the cells, so there is no distance between them"

DECIMALS = 12
"""Of measures: thirds do not add up to 0 exactly, nor do float32 vectors."""


@dataclass(frozen=True)
class VersionMeasures:
    """What is said of one version of the cells."""

    nsc: Measure
    lost: Measure
    """NSC of the cells as they are less this."""
    moved: Measure
    """Mean distance of cells from themselves as they are; 1 is that of two cells drawn at random."""


class ChannelScores:
    """All measures of one method.

    Args:
        moa: scores profiles, under its headline post-processing only.
        cells: that were embedded.
        embeddings: as they are and in versions.
    """

    def __init__(self, moa: MOABenchmark, cells: ScoredCells, embeddings: ChannelEmbeddings):
        self._moa, self._cells, self._embeddings = moa, cells, embeddings
        self._scored: dict[Version, Scores] = {}

    @cached_property
    def intact(self) -> Scores:
        """Of the cells as they are."""
        return self._moa.score(self._wells(self._embeddings.intact))

    @property
    def nsc(self) -> Measure:
        """Headline NSC of the cells as they are."""
        return self._nsc(self.intact)

    def of(self, version: Version) -> VersionMeasures:
        """The measures of one version."""
        seen = self._embeddings.seen[version]
        if seen.reason is not None:
            return VersionMeasures(*[Measure(value=None, reason=seen.reason)] * 3)
        scores = self._scores(version)
        moved = self._moved(np.concatenate(seen.distances), self._counted(version))
        if version.kind == "swapped" and not self._cells.swapped.any():
            return VersionMeasures(*[Measure(value=None, reason=NO_PARTNER)] * 3)
        return VersionMeasures(self._nsc(scores), self._lost(scores), moved)

    def swapped(self, versions: Sequence[Version]) -> VersionMeasures:
        """The mean over versions that each have one channel swapped."""
        each = [self.of(version) for version in versions]
        moved = next((measures.moved for measures in each if measures.moved.value is None), None)
        if moved is None:
            distances = [np.concatenate(self._embeddings.seen[version].distances) for version in versions]
            moved = self._moved(np.mean(distances, axis=0), self._cells.swapped)
        unscored = next((measures.nsc for measures in each if measures.nsc.value is None), None)
        if unscored is not None:
            return VersionMeasures(unscored, unscored, moved)
        mean = _mean_scores([self._scores(version) for version in versions])
        return VersionMeasures(self._nsc(mean), self._lost(mean), moved)

    def dealt(self) -> VersionMeasures:
        """Whole cells dealt anew among the wells of their treatment."""
        values = self._embeddings.intact[self._cells.dealt]
        scale = self._embeddings.scale
        scores = self._moa.score(self._wells(values))
        distances = cosine_distances(scale(self._embeddings.intact), scale(values))
        elsewhere = self._cells.dealt != np.arange(len(values))
        return VersionMeasures(self._nsc(scores), self._lost(scores), self._moved(distances, elsewhere))

    def interaction(self) -> Measure:
        """What channels do together beyond the sum of what they do one by one, over cells that have a partner."""
        unavailable = next((seen.reason for seen in self._embeddings.swaps if seen.reason is not None), None)
        swapped = self._cells.swapped
        if unavailable is None and not swapped.any():
            unavailable = NO_PARTNER
        if unavailable is not None:
            return Measure(value=None, reason=unavailable)
        scale = float(np.concatenate(self._embeddings.together)[swapped].mean())
        return self._part(np.concatenate(self._embeddings.beyond), scale, swapped)

    def _scores(self, version: Version) -> Scores:
        if version not in self._scored:
            wells = pd.concat(self._embeddings.seen[version].wells, ignore_index=True)
            self._scored[version] = self._moa.score(wells)
        return self._scored[version]

    def _counted(self, version: Version) -> np.ndarray:
        """(n,) bool: the cells that were changed."""
        return self._cells.swapped if version.kind == "swapped" else np.ones(len(self._cells.rows), bool)

    def _wells(self, values: np.ndarray) -> pd.DataFrame:
        return cells_to_wells(values, self._cells.table, self._embeddings.names)

    def _nsc(self, scores: Scores) -> Measure:
        estimate = self._moa.accuracy(scores)
        if estimate is None:
            return Measure(value=None, reason=scores.entry().reason or "no treatment has another compound to be compared with")
        return _measure(estimate)

    def _lost(self, scores: Scores) -> Measure:
        difference = self._moa.compare(self.intact, scores)
        if difference is None:
            return Measure(value=None, reason=self._nsc(scores).reason or self.nsc.reason)
        return _measure(difference)

    @cached_property
    def _random_pairs(self) -> float:
        return mean_cosine_distance(self._embeddings.scale(self._embeddings.intact))

    def _moved(self, distances: np.ndarray, counted: np.ndarray) -> Measure:
        return self._part(distances, self._random_pairs, counted)

    def _part(self, values: np.ndarray, whole: float, counted: np.ndarray) -> Measure:
        """The mean of some cells' ``values`` in units of ``whole``, which is taken as fixed; compounds are resampled."""
        if not counted.any() or not whole > 0:
            return Measure(value=None, reason=NO_FEATURE if counted.any() else ALONE)
        bootstrap = bootstrap_of(self._moa.protocol, self._cells.table["compound"].to_numpy()[counted])
        return _measure(bootstrap.estimate(values[counted] / whole))


def _measure(found: Estimate | Difference | Interval) -> Measure:
    value, low, high = (round(number, DECIMALS) + 0.0 for number in (found.value, found.low, found.high))  # and no -0
    return Measure(value=value, low=low, high=high, n=found.n)


def _mean_scores(scores: Sequence[Scores]) -> Scores:
    """The first with each treatment's outcome averaged over all."""
    outcomes = np.mean([[prediction.correct for prediction in one.predictions] for one in scores], axis=0)
    averaged = zip(scores[0].predictions, outcomes, strict=True)
    return scores[0].model_copy(update={"predictions": tuple(p.model_copy(update={"correct": float(o)}) for p, o in averaged)})
