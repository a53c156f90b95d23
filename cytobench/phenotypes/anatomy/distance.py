"""How far the anatomy of one set of cells is from another's, each measure with its interval over cells.

A distance is never negative, so on finite sets it is above 0 even where both are of one kind: the floor, real cells against
real cells, says by how much. For the same reason a percentile interval would lie above its own estimate; intervals are the
estimate plus and minus the bootstrap's standard error times the normal quantile, cells of both sets resampled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from pydantic import Field
from scipy.stats import binomtest, wasserstein_distance

from cytobench.phenotypes.anatomy.measuring import STAINS, Anatomy
from cytobench.results.measures import Measure
from cytobench.schema import Record

Distance = Callable[[np.ndarray, np.ndarray], float]

NO_STAIN = "no channel of the images shows {}"
FEWEST = 2
"""Values that a standard error needs."""


class Resampling(Record):
    """How intervals are made."""

    samples: int = Field(1000, ge=100)
    level: float = Field(0.95, gt=0.5, lt=1)
    seed: int = Field(0, ge=0)

    @property
    def quantile(self) -> float:
        """Standard errors on either side."""
        return NormalDist().inv_cdf((1 + self.level) / 2)

    def measure(self, value: float, resampled: np.ndarray, n: int, least: float = -np.inf) -> Measure:
        """A value with its interval from bootstrap values (S,); it never goes below ``least``."""
        reach = self.quantile * float(np.nanstd(resampled, ddof=1))
        return Measure(value=value, low=max(value - reach, least), high=value + reach, n=n)


def mean_profile(profiles: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The mean (..., B) of profiles (n, B) over the cells that have pixels in a bin; ``weights`` (..., n) repeat cells."""
    known = np.isfinite(profiles)
    weights = np.ones(len(profiles)) if weights is None else weights
    counts = weights @ known.astype(float)
    return np.divide(weights @ np.where(known, profiles, 0), counts, out=np.full(counts.shape, np.nan), where=counts > 0)


def repeats(n: int, spec: Resampling, stream: int) -> np.ndarray:
    """(S, n) how often each of n cells is in each bootstrap sample."""
    return np.random.default_rng([spec.seed, stream]).multinomial(n, np.full(n, 1 / n), size=spec.samples).astype(float)


def radial_distance(profiles: np.ndarray, others: np.ndarray, spec: Resampling) -> Measure:
    """Mean absolute difference of two mean radial profiles (n, B), in fractions of the mean intensity over the cell.

    A bin counts by the share of the first set's cells that have pixels in it; the first set is the real one.
    """
    share = np.isfinite(profiles).mean(axis=0)

    def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        gap = np.abs(first - second)
        counted = np.where(np.isfinite(gap), share, 0)
        total = counted.sum(axis=-1)
        return np.divide((np.nan_to_num(gap) * counted).sum(axis=-1), total, out=np.full(total.shape, np.nan), where=total > 0)

    value = float(distance(mean_profile(profiles), mean_profile(others)))
    if not np.isfinite(value):
        return Measure(value=None, n=len(others), reason="the two sets have no bin in common")
    samples = (mean_profile(cells, repeats(len(cells), spec, stream)) for stream, cells in enumerate((profiles, others)))
    return spec.measure(value, distance(*samples), len(others), 0)


def earth_movers(values: np.ndarray, others: np.ndarray, spec: Resampling) -> Measure:
    """Wasserstein distance of two sets (n,) of values, in their unit; NaN is left out."""
    return _resampled(values, others, spec, lambda a, b: float(wasserstein_distance(a, b)), 0)


def mean_difference(values: np.ndarray, others: np.ndarray, spec: Resampling) -> Measure:
    """Mean of the others less the mean of the first."""
    return _resampled(values, others, spec, lambda a, b: float(b.mean() - a.mean()))


def mean_value(values: np.ndarray, spec: Resampling) -> Measure:
    """The mean of values (n,); NaN is left out."""
    known = values[np.isfinite(values)]
    if len(known) < FEWEST:
        return Measure(value=None, n=len(known), reason="too few cells have it")
    return spec.measure(float(known.mean()), repeats(len(known), spec, 1) @ known / len(known), len(known))


def share_without(found: np.ndarray, spec: Resampling) -> Measure:
    """The share of cells (n,) that were not found, with Wilson's interval: a bootstrap of none at all has no spread."""
    missing = int((~found).sum())
    interval = binomtest(missing, len(found)).proportion_ci(spec.level, method="wilson")
    return Measure(value=missing / len(found), low=float(interval.low), high=float(interval.high), n=len(found))


def compare(real: Anatomy, others: Anatomy, spec: Resampling) -> dict[str, Measure]:
    """Every measure of ``others`` against ``real``, by the names of the columns of ``bbbc021-anatomy``."""
    measures = {"no_nucleus": share_without(others.found, spec), "nucleus_area": earth_movers(real.areas, others.areas, spec)}
    for stain in STAINS:
        at = real.channel(stain)
        if at is None:
            missing = Measure(value=None, reason=NO_STAIN.format(stain))
            names = [f"{stain}_radial", f"{stain}_content", *(_HALO if stain == "tubulin" else ())]
            measures |= dict.fromkeys(names, missing)
            continue
        measures[f"{stain}_radial"] = radial_distance(real.profiles[:, at], others.profiles[:, at], spec)
        measures[f"{stain}_content"] = earth_movers(real.contents[:, at], others.contents[:, at], spec)
        if stain == "tubulin":
            halos = real.halos[:, at], others.halos[:, at]
            told = mean_value(halos[1], spec), mean_difference(*halos, spec), earth_movers(*halos, spec)
            measures |= dict(zip(_HALO, told, strict=True))
    return measures


_HALO = ("halo", "halo_difference", "halo_distance")


def _resampled(values: np.ndarray, others: np.ndarray, spec: Resampling, distance: Distance, least: float = -np.inf) -> Measure:
    known: Sequence[np.ndarray] = [part[np.isfinite(part)] for part in (values, others)]
    if min(map(len, known)) < FEWEST:
        return Measure(value=None, n=len(known[1]), reason="too few cells have it: a nucleus is found in hardly any")
    streams = [np.random.default_rng([spec.seed, stream]) for stream in range(2)]
    drawn = [
        distance(*(part[generator.integers(len(part), size=len(part))] for part, generator in zip(known, streams, strict=True)))
        for _ in range(spec.samples)
    ]
    return spec.measure(distance(*known), np.array(drawn), len(known[1]), least)
