"""Realism of a model told of treatments, by mechanism of action and by treatment."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cytobench import registry
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.realism.protocol import RealismProtocol
from cytobench.phenotypes.realism.scores import kid_measure
from cytobench.phenotypes.realism.sets import CellSet, RealCells
from cytobench.results.measures import Line, Measure

MOAS = "bbbc021-moa"
"""The benchmark whose table says which treatment has which mechanism of action."""


def parts_of(model: Model, real: RealCells, generated: CellSet, protocol: RealismProtocol) -> tuple[Line, ...]:
    """KID of the control, each mechanism of action and each treatment: none where the model is not told of treatments.

    The i-th generated cell was made under the treatment of the i-th real cell of set A, so a part holds as many of either.
    """
    if not model.conditions:
        return ()
    lines = []
    for name, rows in _cohorts(model):
        within = np.isin(real.rows[: real.n], rows)
        measure = _part(real.a.features[within], generated.features[within], protocol)
        lines.append(Line(name=name, role="part", measures={"kid": measure}))
    return tuple(lines)


def _part(real: np.ndarray, generated: np.ndarray, protocol: RealismProtocol) -> Measure:
    if len(real) < protocol.minimum_cells:
        reason = f"{len(real)} real cells in set A; the protocol asks for {protocol.minimum_cells}"
        return Measure(value=None, n=len(real), reason=reason)
    return kid_measure(real, generated, protocol)


def _cohorts(model: Model) -> Iterator[tuple[str, np.ndarray]]:
    benchmark = registry.benchmark(MOAS)
    moas = {name: treatment.moa for name, treatment in benchmark.treatments.items()}
    cohorts = Cohorts(model.store, moas, benchmark.protocol.control)
    if len(cohorts.controls):
        yield cohorts.control, cohorts.controls
    for name in (*cohorts.moas, *cohorts.treatments):
        yield name, cohorts.rows(name)
