"""Realism of a model told of treatments, by mechanism of action and by treatment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cytobench import registry
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.realism.protocol import RealismProtocol
from cytobench.phenotypes.realism.scores import kid_measure
from cytobench.phenotypes.realism.sets import CellSet, RealCells
from cytobench.results.measures import Line


class Parts(NamedTuple):
    """KID of some of the cells, and a sentence on those of which there is none."""

    lines: tuple[Line, ...] = ()
    warnings: tuple[str, ...] = ()


def parts_of(model: Model, real: RealCells, generated: CellSet, protocol: RealismProtocol) -> Parts:
    """KID of the control, each mechanism of action and each treatment: none where the model is not told of treatments.

    The i-th generated cell was made under the treatment of the i-th cell of set B.
    """
    if not model.conditions:
        return Parts()
    lines, few = [], 0
    for name, rows in _cohorts(model, protocol):
        told = np.isin(real.rows[: 2 * real.n], rows).reshape(2, real.n)
        if told.sum(axis=1).min() < protocol.minimum_cells:
            few += 1
            continue
        measure = kid_measure(real.a.features[told[0]], generated.features[told[1]], protocol)
        lines.append(Line(name=name, role="part", measures={"kid": measure}))
    minimum = protocol.minimum_cells
    left = f"{few:,} mechanisms of action and treatments have fewer than {minimum} cells in a set, and no KID of their own"
    return Parts(tuple(lines), (left,) if few else ())


def _cohorts(model: Model, protocol: RealismProtocol) -> Iterator[tuple[str, np.ndarray]]:
    cohorts = Cohorts.of(model.store, registry.benchmark(protocol.moa))
    if len(cohorts.controls):
        yield cohorts.control, cohorts.controls
    for name in (*cohorts.moas, *cohorts.treatments):
        yield name, cohorts.rows(name)
