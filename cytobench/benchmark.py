"""What a benchmark is, what one of profiles is, and the one that scores them by mechanism of action."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from cytobench.datasets.profiles import treatment_name
from cytobench.errors import CytoBenchError
from cytobench.profiling.aggregate import impute
from cytobench.profiling.postprocess import NotAvailableError, Panel
from cytobench.results.record import Requires
from cytobench.results.schema import Difference, Estimate, PanelEntry, Scores
from cytobench.schema import read_yaml, validate
from cytobench.scoring.outcome import Outcome, bootstrap_of
from cytobench.scoring.protocol import MOAProtocol
from cytobench.scoring.screen import Screen, Treatment


class Benchmark(ABC):
    """A versioned question that is put to every method in the same way."""

    name: str
    """With its variant, where it has some: ``bbbc021-realism:cellprofiler``."""
    version: int
    requires: ClassVar[Requires]

    @property
    def identity(self) -> str:
        """``name/version``, as it stands beside every score."""
        return f"{self.name}/{self.version}"

    @property
    def key(self) -> str:
        """All that decides its scores beside the method: its identity, and what it measures with."""
        return self.identity


class ProfileBenchmark(Benchmark):
    """One that is put to profiles of wells."""

    requires = "profiles"

    @abstractmethod
    def score(self, profiles: pd.DataFrame) -> Scores:
        """Score a profile table (one row a well)."""

    @abstractmethod
    def compare(self, scores: Scores, others: Scores) -> Difference | None:
        """Paired difference of two methods' headline scores over what both have; None where either has none."""

    @abstractmethod
    def without(self, scores: Scores, treatments: Collection[str]) -> Scores:
        """The same scores with the predictions of some treatments (``treatment_name``) left out."""

    @abstractmethod
    def accuracy(self, scores: Scores) -> Estimate | None:
        """Headline NSC over the predictions that are there; None where there are none."""


class MOABenchmark(ProfileBenchmark):
    """Nearest neighbours and retrieval with their intervals, as ``protocol.yaml`` in ``folder`` pins them."""

    folder: ClassVar[Path]

    def __init__(self, variant: str | None = None) -> None:
        path = self.folder / "protocol.yaml"
        if variant is not None:
            raise CytoBenchError(f"{self.folder.name.replace('_', '-')} has no variants; leave out {variant!r}")
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
        values, imputed, valueless = impute(screen.values, screen.control)
        panel = Panel(
            values,
            screen.control,
            screen.plates,
            screen.batches,
            minimum_controls=self.protocol.minimum_controls,
            constant=self.protocol.constant_feature,
        )
        entries: list[PanelEntry] = []
        headline: Outcome | None = None
        for name in self.protocol.panel:
            try:
                processed = panel.apply(name)
            except NotAvailableError as reason:
                entries.append(PanelEntry(postprocessing=name, available=False, reason=str(reason)))
                continue
            outcome = Outcome(self.protocol, screen, processed.values)
            entries.append(outcome.entry(name, processed.dropped + valueless))
            headline = outcome if name == self.protocol.headline else headline
        return Scores(
            benchmark=self.identity,
            headline=self.protocol.headline,
            panel=tuple(entries),
            counts=screen.counts(imputed),
            predictions=headline.predictions() if headline else (),
            labels=tuple(screen.labels),
            confusion=headline.confusion() if headline else (),
            warnings=tuple(screen.warnings()),
        )

    def compare(self, scores: Scores, others: Scores) -> Difference | None:
        """Paired difference in headline NSC over the treatments that both have."""
        mine = {treatment_name(p.compound, p.concentration): p for p in scores.predictions}
        theirs = {treatment_name(p.compound, p.concentration): p.correct for p in others.predictions}
        shared = [name for name in mine if name in theirs]
        if not shared:
            return None
        bootstrap = bootstrap_of(self.protocol, np.array([mine[name].compound for name in shared]))
        first, second = np.array([mine[name].correct for name in shared]), np.array([theirs[name] for name in shared])
        p = bootstrap.p_value(first, second, permutations=self.protocol.permutations, seed=self.protocol.seed)
        return Difference(**bootstrap.estimate(first - second)._asdict(), p=p)

    def without(self, scores: Scores, treatments: Collection[str]) -> Scores:
        """The same scores with the predictions of some treatments left out; the gallery stays as it was."""
        left = [p for p in scores.predictions if treatment_name(p.compound, p.concentration) not in treatments]
        return scores.model_copy(update={"predictions": tuple(left)})

    def accuracy(self, scores: Scores) -> Estimate | None:
        """Headline NSC over the predictions that are there."""
        predictions = scores.predictions
        if not predictions:
            return None
        bootstrap = bootstrap_of(self.protocol, np.array([prediction.compound for prediction in predictions]))
        interval = bootstrap.estimate(np.array([prediction.correct for prediction in predictions]))
        cells = [prediction.cells for prediction in predictions]
        return Estimate(
            **interval._asdict(),
            treatments=len(predictions),
            wells=sum(prediction.wells for prediction in predictions),
            cells=None if None in cells else sum(filter(None, cells)),
        )
