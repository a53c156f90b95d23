"""Measure one run's map: all its scores under every declared choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import pandas as pd

from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.profiling.postprocess import NotAvailableError
from cytobench.progress import progress_bar
from cytobench.results.runs import Run
from cytobench.results.schema import Scores
from cytobench.sensitivity.cells import cells_of
from cytobench.sensitivity.declaration import METRICS, Declaration, Metric, Setting
from cytobench.sensitivity.extents import extent
from cytobench.sensitivity.record import Point, SensitivityRecord
from cytobench.sensitivity.scoring import ScoredWells
from cytobench.sensitivity.sources import DECLARATION, declaration_of, measured_by
from cytobench.sensitivity.wells import PreparedWells, WellChoices, WellTables

RANGED: tuple[Metric, ...] = ("nsc", "nscb")
"""The scores whose range over all combinations is taken."""

Wanted = dict[Setting, tuple[Metric, ...]]
"""Settings, and the scores that are asked of each."""


def measure(run: Run, places: Iterable[Setting] = (), *, progress: bool = False) -> SensitivityRecord:
    """Score a finished run at every point of the map.

    Args:
        run: its profiles, and where it kept them its embeddings, whose cell store must be on this machine.
        places: further settings, of published figures.
        progress: show a progress bar on stderr.

    Raises:
        CytoBenchError: where the run is not finished, its benchmark has no map, or what is measured at the protocol's own
            setting is not what the run scored; the run's folder is named.
    """
    try:
        return _measure(run, places, progress)
    except CytoBenchError as error:
        raise error if str(error).startswith(str(run.path)) else CytoBenchError(f"{run.path}: {error}") from None


def _measure(run: Run, places: Iterable[Setting], progress: bool) -> SensitivityRecord:
    scores, benchmark = run.scores, registry.benchmark(run.record.benchmark)
    declaration = declaration_of(benchmark)
    profiles = pd.read_parquet(run.path / "profiles.parquet")
    tables = WellTables(benchmark, profiles, partial(cells_of, run, profiles))
    around, placed = around_reference(declaration), list(dict.fromkeys(places))
    combined = {metric: list(declaration.factorial(metric)) for metric in RANGED}
    wanted: Wanted = dict.fromkeys([*around, *placed], METRICS)
    for metric, settings in combined.items():
        for setting in settings:
            wanted[setting] = tuple(dict.fromkeys((*wanted.get(setting, ()), metric)))
    found = evaluate(tables, wanted, declaration.reference, progress=progress)
    _refuse_another_reference(run.path, declaration, scores, found)
    record, extents = run.record, (extent(metric, settings, found) for metric, settings in combined.items())
    entry = scores.entry()
    return SensitivityRecord(
        method=record.method,
        label=record.label,
        kind="control" if record.untrained else record.card.kind,
        recipe_label=record.recipe_label,
        seed=record.seed,
        dataset=record.dataset,
        dataset_identity=record.dataset_identity,
        simulated=record.simulated,
        benchmark=record.benchmark,
        key=record.keys.score,
        measured_by=measured_by(benchmark),
        reference=declaration.reference,
        intervals={metric: value for metric in METRICS if (value := getattr(entry, metric)) is not None},
        points=tuple(found[setting] for setting in around),
        places=tuple(found[setting] for setting in placed),
        extents=tuple(one for one in extents if one is not None),
    )


def around_reference(declaration: Declaration) -> list[Setting]:
    """Every post-processing at the reference, then each with one other axis changed."""
    reference = declaration.reference
    bases = [reference.changed(postprocessing=name) for name in declaration.postprocessings]
    return [*bases, *(base.changed(**{axis: value}) for axis, value in declaration.alternatives() for base in bases)]


def evaluate(tables: WellTables, wanted: Wanted, reference: Setting, *, progress: bool = False) -> dict[Setting, Point]:
    """Score every wanted setting; wells are post-processed once for all settings that share them."""
    found: dict[Setting, Point] = {}
    ordered = sorted(wanted, key=lambda setting: (WellChoices.of(setting), setting.postprocessing))
    with progress_bar(len(wanted), "sensitivity", "setting", shown=progress) as bar:
        for choices, alike in groupby(ordered, key=WellChoices.of):
            wells = _prepared(tables, choices)
            for name, settings in groupby(alike, key=lambda setting: setting.postprocessing):
                scored = _post_processed(wells, name)
                for setting in settings:
                    found[setting] = _point(scored, setting, wanted[setting], reference)
                    bar.update()
    return found


def _prepared(tables: WellTables, choices: WellChoices) -> PreparedWells | NotAvailableError:
    try:
        return tables.prepare(choices)
    except NotAvailableError as reason:
        return reason


def _post_processed(wells: PreparedWells | NotAvailableError, name: str) -> ScoredWells | NotAvailableError:
    try:
        return wells if isinstance(wells, NotAvailableError) else ScoredWells(wells, wells.apply(name))
    except NotAvailableError as reason:
        return reason


def _point(scored: ScoredWells | NotAvailableError, setting: Setting, metrics: Sequence[Metric], reference: Setting) -> Point:
    changed = setting.differences(reference)
    try:
        if isinstance(scored, NotAvailableError):
            raise scored
        values = {metric: getattr(scored, metric)(setting) for metric in metrics}
    except NotAvailableError as reason:
        return Point(changed=changed, available=False, reason=str(reason))
    return Point(changed=changed, available=True, **values)


def _refuse_another_reference(folder: Path, declaration: Declaration, scores: Scores, found: dict[Setting, Point]) -> None:
    """Compare what was measured at the protocol's own settings with the run's scores: they must be equal, not near."""
    if declaration.reference.postprocessing != scores.headline:
        raise CytoBenchError(f"{DECLARATION} has the reference {declaration.reference.postprocessing}, not {scores.headline}")
    for entry in scores.panel:
        setting = declaration.reference.changed(postprocessing=entry.postprocessing)
        if setting not in found:
            raise CytoBenchError(f"{DECLARATION} lacks the post-processing {entry.postprocessing!r} of the panel; add it")
        for metric in METRICS:
            scored, here = getattr(entry, metric), getattr(found[setting], metric)
            if (scored and (scored.value, scored.n)) != (here and (here.value, here.n)):
                raise CytoBenchError(
                    f"{folder}: {metric} under {entry.postprocessing} is {here and here.value} here, but scores.json says "
                    f"{scored and scored.value}; score the run again with this installation"
                )
