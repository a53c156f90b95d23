"""How far the anatomy of one set of cells is from another's, each measure with its interval over cells.

A distance is never negative, so on finite sets it is above 0 even where both are of one kind, and so is its interval, the
estimate plus and minus the bootstrap's standard error times the normal quantile: read it beside the floor, real cells against
real cells. What is ranked is the excess over the floor, which is 0 on average for a model of the same cells. Cells of every set
are resampled, the real ones together for both distances.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydantic import Field
from scipy.stats import wasserstein_distance

from cytobench.phenotypes.anatomy.measuring import STAINS, Anatomy
from cytobench.results.measures import Measure
from cytobench.schema import Record
from cytobench.scoring.realism_intervals import normal_bounds, share_bounds
from cytobench.scoring.resampling import bootstrap_weights

NO_STAIN = "no channel of the images shows {}"
IS_FLOOR = "it is what the others' excess is over"

HALO = ("halo", "halo_difference", "halo_distance")
TUBULIN = ("tubulin_excess", *HALO)
"""Measured of tubulin alone."""


class Resampling(Record):
    """How intervals are made."""

    samples: int = Field(1000, ge=100)
    level: float = Field(0.95, gt=0.5, lt=1)
    seed: int = Field(0, ge=0)

    def weights(self, n: int, stream: int) -> np.ndarray:
        """(S, n) how often each of n cells is in each bootstrap sample; sets of different streams are resampled independently."""
        return bootstrap_weights(n, self.samples, self.seed + stream)


REAL, OTHERS, FLOOR = range(3)
"""The streams."""


class Resampled(NamedTuple):
    """A number with its bootstrap values."""

    value: float
    samples: np.ndarray
    """(S,)."""
    n: int
    """Cells behind it."""

    def less(self, other: Resampled) -> Resampled:
        """The difference; what was resampled together stays together."""
        return Resampled(self.value - other.value, self.samples - other.samples, self.n)

    def measure(self, spec: Resampling, least: float = -np.inf) -> Measure:
        """With its normal interval, which never goes below ``least``."""
        error = float(np.nanstd(self.samples, ddof=1))
        return Measure.of(self.value, normal_bounds(self.value, error, spec.level, least), self.n)


def mean_profile(profiles: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The mean (..., B) of profiles (n, B) over the cells that have pixels in a bin; ``weights`` (..., n) repeat cells."""
    known = np.isfinite(profiles)
    weights = np.ones(len(profiles)) if weights is None else weights
    counts = weights @ known.astype(float)
    return np.divide(weights @ np.where(known, profiles, 0), counts, out=np.full(counts.shape, np.nan), where=counts > 0)


def radial_distance(profiles: np.ndarray, others: np.ndarray, spec: Resampling, stream: int = OTHERS) -> Resampled:
    """Mean absolute difference of two mean radial profiles (n, B), in fractions of the mean intensity over the cell.

    A bin counts by the share of the first set's cells that have pixels in it; the first set is the real one.
    """
    share = np.isfinite(profiles).mean(axis=0)

    def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        gap = np.abs(first - second)
        counted = np.where(np.isfinite(gap), share, 0)
        return np.asarray((np.nan_to_num(gap) * counted).sum(axis=-1) / counted.sum(axis=-1))  # of a nucleus's rim all cells have

    samples = (mean_profile(cells, spec.weights(len(cells), at)) for at, cells in ((REAL, profiles), (stream, others)))
    value = float(distance(mean_profile(profiles), mean_profile(others)))
    return Resampled(value, distance(*samples), int(np.isfinite(others).any(axis=1).sum()))


def earth_movers(values: np.ndarray, others: np.ndarray, spec: Resampling) -> Measure:
    """Wasserstein distance of two sets (n,) of values, in their unit."""
    weights = zip(spec.weights(len(values), REAL), spec.weights(len(others), OTHERS), strict=True)
    samples = np.array([wasserstein_distance(values, others, *pair) for pair in weights])
    return Resampled(float(wasserstein_distance(values, others)), samples, len(others)).measure(spec, 0)


def mean_value(values: np.ndarray, spec: Resampling, stream: int = OTHERS) -> Resampled:
    """The mean of values (n,)."""
    return Resampled(float(values.mean()), spec.weights(len(values), stream) @ values / len(values), len(values))


def compare(real: Anatomy, others: Anatomy, floor: Anatomy | None, spec: Resampling) -> dict[str, Measure]:
    """Every measure of ``others`` against ``real``, by the names of the columns of ``bbbc021-anatomy``.

    Args:
        real: the cells that all are compared with.
        others: the set that is measured.
        floor: other real cells, over whose distance the excess is; None where ``others`` are they.
        spec: of the intervals.
    """
    missing = Measure.of(float((~others.found).mean()), share_bounds(~others.found, spec.level), len(others.found))
    first, second = np.nan_to_num(real.areas), np.nan_to_num(others.areas)  # left out, they would make a worse model look better
    measures = {"no_nucleus": missing, "nucleus_area": earth_movers(first, second, spec)}
    for stain in STAINS:
        at = real.channel(stain)
        if at is None:
            names = [f"{stain}_radial", f"{stain}_content", *(TUBULIN if stain == "tubulin" else ())]
            measures |= dict.fromkeys(names, Measure(value=None, reason=NO_STAIN.format(stain)))
            continue
        radial = radial_distance(real.profiles[:, at], others.profiles[:, at], spec)
        measures[f"{stain}_radial"] = radial.measure(spec, 0)
        measures[f"{stain}_content"] = earth_movers(real.contents[:, at], others.contents[:, at], spec)
        if stain == "tubulin":
            measures["tubulin_excess"] = _excess(radial, None if floor is None else floor.profiles[:, at], real, at, spec)
            measures |= _halos(real.halos[:, at], others.halos[:, at], spec)
    return measures


def _excess(radial: Resampled, floor: np.ndarray | None, real: Anatomy, at: int, spec: Resampling) -> Measure:
    if floor is None:
        return Measure(value=0, n=radial.n, reason=IS_FLOOR)
    return radial.less(radial_distance(real.profiles[:, at], floor, spec, FLOOR)).measure(spec)


def _halos(real: np.ndarray, others: np.ndarray, spec: Resampling) -> dict[str, Measure]:
    mean, distance = mean_value(others, spec), earth_movers(real, others, spec)
    return dict(zip(HALO, (mean.measure(spec), mean.less(mean_value(real, spec, REAL)).measure(spec), distance), strict=True))
