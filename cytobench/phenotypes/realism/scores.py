"""Every measure of realism of one set of cells against real ones, with its interval."""

from __future__ import annotations

import numpy as np

from cytobench.phenotypes.realism.protocol import RealismProtocol
from cytobench.phenotypes.realism.sets import CellSet
from cytobench.results.measures import Line, Measure, Role
from cytobench.scoring.nearness import Nearness, leave_out
from cytobench.scoring.realism import fid, kid
from cytobench.scoring.realism_intervals import (
    fid_estimate,
    jackknife_errors,
    kid_bounds,
    normal_bounds,
    share_bounds,
    share_hull,
)

ELSEWHERE = "it was trained elsewhere, on cells that are not known"
"""Why copies cannot be searched for."""


def realism_line(
    name: str, role: Role, real: CellSet, cells: CellSet, copied: np.ndarray | None, protocol: RealismProtocol
) -> Line:
    """Measure one set of cells against real ones.

    Args:
        name: of the line.
        role: of the line.
        real: set A.
        cells: as many of another set.
        copied: (n,) bool, which of them are copies of training cells; None where these are not known.
        protocol: of the benchmark.
    """
    near = Nearness.of(real.features, cells.features)
    measures = {
        "kid": kid_measure(real.features, cells.features, protocol),
        "fid": _fid_measure(real.features, cells.features, protocol),
        **_neighbour_measures(near, protocol),
        "copied": _share(copied, protocol.level) if copied is not None else Measure(value=None, n=len(cells), reason=ELSEWHERE),
        "authenticity": _share(near.authentic(), protocol.level),
    }
    return Line(name=name, role=role, measures=measures)


def kid_measure(real: np.ndarray, cells: np.ndarray, protocol: RealismProtocol) -> Measure:
    """The kernel inception distance of two sets of features, with its bootstrap interval."""
    samples, level, seed = protocol.bootstrap_samples, protocol.level, protocol.seed
    return Measure.of(kid(real, cells), kid_bounds(real, cells, samples=samples, level=level, seed=seed), len(cells))


def _fid_measure(real: np.ndarray, cells: np.ndarray, protocol: RealismProtocol) -> Measure:
    value = fid(real, cells)
    (error,) = jackknife_errors(fid_estimate(real, cells), len(real), len(cells), protocol.groups)
    return Measure.of(value, normal_bounds(value, error, protocol.level, lowest=0), len(cells))


def _neighbour_measures(near: Nearness, protocol: RealismProtocol) -> dict[str, Measure]:
    def values(some: Nearness) -> np.ndarray:
        close, wide = protocol.k_precision, protocol.k_density
        return np.array([some.precision(close), some.recall(close), some.density(wide), some.coverage(wide)])

    n, m = near.between.shape
    found = values(near)
    errors = jackknife_errors(leave_out(near, values), n, m, protocol.groups)
    behind = {"precision": m, "recall": n, "density": m, "coverage": n}
    return {
        name: _mean(float(value), float(error), cells, protocol.level)
        if name == "density"
        else Measure.of(float(value), share_hull(value, error, cells, protocol.level), cells)
        for (name, cells), value, error in zip(behind.items(), found, errors, strict=True)
    }


def _mean(value: float, error: float, n: int, level: float) -> Measure:
    interval = normal_bounds(value, error, level, lowest=0) if error else None
    return Measure.of(value, interval, n, "no cell lies among those of set A, whichever cells are left out")


def _share(chosen: np.ndarray, level: float) -> Measure:
    return Measure.of(float(chosen.mean()), share_bounds(chosen, level), len(chosen))
