"""What a benchmark is, and the one that scores profiles by mechanism of action."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from cytobench.datasets.profiles import treatment_name
from cytobench.profiling.aggregate import impute, mean_by_group
from cytobench.profiling.postprocess import NotAvailableError, Panel
from cytobench.results.schema import Difference, Estimate, PanelEntry, Prediction, Scores
from cytobench.schema import read_yaml, validate
from cytobench.scoring import moa
from cytobench.scoring.protocol import MOAProtocol
from cytobench.scoring.retrieval import average_precision
from cytobench.scoring.screen import Screen, Treatment
from cytobench.scoring.uncertainty import CompoundBootstrap


class Benchmark(ABC):
    """A versioned question that is put to every method in the same way."""

    name: str
    version: int
    requires: ClassVar[Literal["profiles", "generative", "invertible"]]

    @property
    def identity(self) -> str:
        """``name/version``, as it stands beside every score."""
        return f"{self.name}/{self.version}"

    @abstractmethod
    def score(self, profiles: pd.DataFrame) -> Scores:
        """Score a profile table (one row a well)."""

    @abstractmethod
    def compare(self, scores: Scores, others: Scores) -> Difference | None:
        """Paired difference of two methods' headline scores over what both have; None where either has none."""


class MOABenchmark(Benchmark):
    """Nearest neighbours and retrieval with their intervals, as ``protocol.yaml`` in ``folder`` pins them."""

    folder: ClassVar[Path]
    requires = "profiles"

    def __init__(self) -> None:
        path = self.folder / "protocol.yaml"
        self.protocol = validate(MOAProtocol, read_yaml(path), str(path))
        self.name, self.version = self.protocol.name, self.protocol.version
        table = pd.read_csv(self.folder / self.protocol.treatments)
        rows = zip(table["compound"], table["concentration"], table["moa"], strict=True)
        listed = [Treatment(treatment_name(c, d), c, float(d), m) for c, d, m in rows]
        self.treatments = {treatment.name: treatment for treatment in listed}

    def score(self, profiles: pd.DataFrame) -> Scores:
        """Score a profile table.

        Args:
            profiles: one row a well, with ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Compound`` and
                ``Metadata_Concentration`` (micromolar), features in the other columns; NaN is imputed and counted.
        """
        screen = Screen(self.protocol, self.treatments, profiles)
        values, imputed = impute(screen.values, screen.control)
        panel = Panel(
            values, screen.control, screen.plates, screen.batches,
            minimum_controls=self.protocol.minimum_controls, constant=self.protocol.constant_feature,
        )  # fmt: skip
        entries: list[PanelEntry] = []
        headline: _Scored | None = None
        for name in self.protocol.panel:
            try:
                processed = panel.apply(name)
            except NotAvailableError as reason:
                entries.append(PanelEntry(postprocessing=name, available=False, reason=str(reason)))
                continue
            scored = _Scored(self, screen, processed.values)
            entries.append(scored.entry(name, processed.dropped))
            headline = scored if name == self.protocol.headline else headline
        return Scores(
            benchmark=self.identity, headline=self.protocol.headline, panel=tuple(entries), counts=screen.counts(imputed),
            predictions=headline.predictions() if headline else (), labels=tuple(screen.labels),
            confusion=headline.confusion() if headline else (), warnings=tuple(screen.warnings()),
        )  # fmt: skip

    def compare(self, scores: Scores, others: Scores) -> Difference | None:
        """Paired difference in headline NSC over the treatments that both have."""
        mine = {treatment_name(p.compound, p.concentration): p for p in scores.predictions}
        theirs = {treatment_name(p.compound, p.concentration): p.correct for p in others.predictions}
        shared = [name for name in mine if name in theirs]
        if not shared:
            return None
        bootstrap = self.bootstrap(np.array([mine[name].compound for name in shared]))
        return bootstrap.difference(
            np.array([mine[name].correct for name in shared]), np.array([theirs[name] for name in shared]),
            permutations=self.protocol.permutations, seed=self.protocol.seed,
        )  # fmt: skip

    def bootstrap(self, compounds: np.ndarray, *, by_compound: bool = False) -> CompoundBootstrap:
        """The protocol's resampling of the compounds behind a set of scored items."""
        return CompoundBootstrap(
            compounds, samples=self.protocol.bootstrap_samples, level=self.protocol.level, seed=self.protocol.seed,
            by_compound=by_compound,
        )  # fmt: skip


class _Scored:
    """The scores of one screen under one post-processing."""

    def __init__(self, benchmark: MOABenchmark, screen: Screen, wells: np.ndarray):
        self._benchmark, self._screen, self._wells = benchmark, screen, wells
        profiles = mean_by_group(wells[screen.treated], screen.owner, len(screen.treatments))
        self._similarity = moa.cosine_similarity(profiles)
        self._nsc = moa.nearest_neighbours(self._similarity, moa.not_same_compound(screen.compounds), screen.moas)

    def entry(self, name: str, dropped: int) -> PanelEntry:
        screen = self._screen
        gallery = moa.not_same_compound_or_batch(screen.compounds, screen.treatment_batches, screen.moas)
        nscb = moa.nearest_neighbours(self._similarity, gallery, screen.moas)
        return PanelEntry(
            postprocessing=name, available=True, features=self._wells.shape[1], features_dropped=dropped,
            nsc=self._estimate(self._nsc.correct, screen.compounds[self._nsc.queries]),
            nsc_compound=self._estimate(self._nsc.correct, screen.compounds[self._nsc.queries], by_compound=True),
            nscb=self._estimate(nscb.correct, screen.compounds[nscb.queries]),
            map_moa=self._map_moa(), map_replicate=self._map_replicate(),
        )  # fmt: skip

    def predictions(self) -> tuple[Prediction, ...]:
        """One row a treatment, not-same-compound."""
        return tuple(self._prediction(row, query) for row, query in enumerate(self._nsc.queries))

    def confusion(self) -> tuple[tuple[float, ...], ...]:
        counts = moa.confusion(self._nsc, self._screen.moas, self._screen.labels)
        return tuple(tuple(float(count) for count in row) for row in counts)

    def _estimate(self, values: np.ndarray, compounds: np.ndarray, *, by_compound: bool = False) -> Estimate | None:
        counted = ~np.isnan(values)
        if not counted.any():
            return None
        return self._benchmark.bootstrap(compounds[counted], by_compound=by_compound).estimate(values[counted])

    def _map_moa(self) -> Estimate | None:
        """Positives: same MOA, other compound. Negatives: other MOA. Pairs of one compound do not count."""
        other_compound = moa.not_same_compound(self._screen.compounds)
        same_moa = self._screen.moas[:, None] == self._screen.moas[None, :]
        return self._estimate(average_precision(self._similarity, same_moa & other_compound, ~same_moa), self._screen.compounds)

    def _map_replicate(self) -> Estimate | None:
        """Positives: same treatment on another plate. Negatives: other compounds of the same batch."""
        screen = self._screen
        plates, batches = screen.plates[screen.treated], screen.batches[screen.treated]
        compounds = screen.compounds[screen.owner]
        positives = (screen.owner[:, None] == screen.owner[None, :]) & (plates[:, None] != plates[None, :])
        negatives = moa.not_same_compound(compounds) & (batches[:, None] == batches[None, :])
        similarity = moa.cosine_similarity(self._wells[screen.treated])
        return self._estimate(average_precision(similarity, positives, negatives), compounds)

    def _prediction(self, row: int, query: int) -> Prediction:
        screen, weights = self._screen, self._nsc.weights[row]
        nearest = np.flatnonzero(weights)
        shares = pd.Series(weights[nearest]).groupby(screen.moas[nearest]).sum().sort_values(ascending=False, kind="stable")
        treatment = screen.treatments[query]
        wells = screen.treated[screen.owner == query]
        return Prediction(
            compound=treatment.compound, concentration=treatment.concentration, moa=treatment.moa,
            predicted=" | ".join(shares.index), correct=float(self._nsc.correct[row]),
            neighbour=" | ".join(screen.treatments[index].name for index in nearest[:5]) + (" | ..." if len(nearest) > 5 else ""),
            distance=float(1 - self._similarity[query, nearest[0]]), wells=len(wells), cells=screen.cells(wells),
        )  # fmt: skip
