"""The records that a run leaves behind; each file carries its schema version."""

from __future__ import annotations

from typing import Literal

from cytobench.schema import Record


class Estimate(Record):
    """A score with its 95% interval over compounds."""

    value: float
    low: float
    high: float
    n: int
    """Items averaged: treatments, compounds or wells."""
    treatments: int
    """Treatments behind the score."""
    wells: int
    cells: int | None
    """None where a table of wells does not count cells."""


class Difference(Record):
    """A paired difference of two methods over the same treatments."""

    value: float
    low: float
    high: float
    n: int
    p: float
    """Two-sided randomisation p-value."""


class PanelEntry(Record):
    """The scores under one post-processing."""

    postprocessing: str
    available: bool
    reason: str | None = None
    """Why it is not available."""
    features: int = 0
    features_dropped: int = 0
    nsc: Estimate | None = None
    nsc_compound: Estimate | None = None
    nscb: Estimate | None = None
    map_moa: Estimate | None = None
    map_replicate: Estimate | None = None


class Prediction(Record):
    """One treatment under the headline post-processing, not-same-compound."""

    compound: str
    concentration: float
    moa: str
    predicted: str
    """The nearest neighbour's MOA; several, in order of their part, where neighbours tie."""
    correct: float
    """1 or 0, or the right part of tied neighbours."""
    neighbour: str
    distance: float
    wells: int
    cells: int | None


class Counts(Record):
    """What the scores are made from."""

    treatments: int
    compounds: int
    wells: int
    control_wells: int
    cells: int | None
    """Cells in these wells; None where a table of wells does not say."""
    imputed: int = 0
    """Missing well values filled in."""


class Scores(Record):
    """What a benchmark says of one set of profiles."""

    schema_version: Literal[1] = 1
    benchmark: str
    headline: str
    panel: tuple[PanelEntry, ...]
    counts: Counts
    predictions: tuple[Prediction, ...]
    labels: tuple[str, ...]
    confusion: tuple[tuple[float, ...], ...]
    """Rows true, columns predicted, in the order of ``labels``; headline post-processing, not-same-compound."""
    warnings: tuple[str, ...] = ()

    def entry(self, postprocessing: str | None = None) -> PanelEntry:
        """Return the panel entry of that name, by default the headline."""
        name = postprocessing or self.headline
        return next(entry for entry in self.panel if entry.postprocessing == name)

    def __str__(self) -> str:
        from cytobench.results.tables import panel_table

        return panel_table(self)
