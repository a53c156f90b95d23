"""How often analogies find their answer: by the result, by its base alone, by random differences and by chance."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from cytobench.phenotypes.algebra.ranking import Ranks, chance, distances, ranks
from cytobench.phenotypes.analogies.families import Family
from cytobench.phenotypes.analogies.protocol import AlgebraProtocol
from cytobench.results.measures import Measure

RATES = ("top1", "top3", "reciprocal")


@dataclass(frozen=True)
class FamilyScores:
    """The ranks of a family's analogies, each (n,)."""

    result: Ranks
    base: Ranks
    random: Ranks | None
    """The mean over random differences; None where there are too few other vectors to form them."""
    chance: Ranks


def score_family(family: Family, gallery: np.ndarray, protocol: AlgebraProtocol) -> FamilyScores:
    """Score all analogies of a family against a gallery (T, D); result and base have the same gallery."""
    vectors, allowed, right = family.vectors, family.allowed, family.right
    base = vectors[family.base]
    result = base + vectors[family.added] - vectors[family.subtracted]
    generator = np.random.default_rng(protocol.seed)
    strangers = _strangers(family)
    enough = len(family) > 0 and strangers.sum(axis=1).min() >= 2
    drawn = [_random(family, gallery, strangers, generator) for _ in range(protocol.random_differences if enough else 0)]
    return FamilyScores(
        ranks(distances(result, gallery), allowed, right),
        ranks(distances(base, gallery), allowed, right),
        mean_ranks(drawn) if drawn else None,
        chance(allowed, right),
    )


def mean_ranks(drawn: list[Ranks]) -> Ranks:
    """The mean of several rankings of the same analogies."""
    return Ranks(*(np.mean([getattr(one, field.name) for one in drawn], axis=0) for field in fields(Ranks)))


class PigeonholeBootstrap:
    """Intervals where several compounds take part in each item: an item weighs the product of how often its compounds are drawn.

    This is the pigeonhole bootstrap of Owen (2007, doi:10.1214/07-AOAS122), which rather overstates the variance.

    Args:
        roles: (n,) compound names, one array a role.
        protocol: samples, level, seed and the fewest compounds for an interval.
    """

    def __init__(self, roles: tuple[np.ndarray, ...], protocol: AlgebraProtocol):
        self._protocol = protocol
        names, numbers = np.unique(np.stack(roles).astype(str), return_inverse=True)
        self.compounds = len(names)
        samples, generator = protocol.bootstrap_samples, np.random.default_rng(protocol.seed)
        share = np.full(len(names), 1 / len(names)) if len(names) else [1.0]  # where nobody takes part there is nothing to draw
        drawn = generator.multinomial(len(names), share, size=samples).astype(float)
        self._weights: np.ndarray = np.prod([drawn[:, role] for role in numbers.reshape(len(roles), -1)], axis=0)

    def measure(self, values: np.ndarray) -> Measure:
        """The mean of ``values`` (n,) with its percentile interval."""
        if not len(values):
            return Measure(value=None, reason="these cells allow no such analogy")
        value, n = float(values.mean()), len(values)
        if self.compounds < self._protocol.fewest_compounds:
            reason = f"{self.compounds} compounds take part, fewer than the {self._protocol.fewest_compounds} an interval needs"
            return Measure(value=value, n=n, reason=reason)
        totals = self._weights.sum(axis=1)
        drawn = totals > 0
        tail = (1 - self._protocol.level) / 2
        low, high = np.quantile(self._weights[drawn] @ values / totals[drawn], [tail, 1 - tail])
        return Measure(value=value, low=float(low), high=float(high), n=n)


def _random(family: Family, gallery: np.ndarray, eligible: np.ndarray, generator: np.random.Generator) -> Ranks:
    """The base with the difference of two random vectors instead, whose treatments then leave the gallery, too."""
    order = np.argsort(np.where(eligible, generator.random(eligible.shape), np.inf), axis=1)
    added, subtracted = order[:, 0], order[:, 1]
    vectors = family.vectors[family.base] + family.vectors[added] - family.vectors[subtracted]
    allowed = family.allowed & ~family.owned[added] & ~family.owned[subtracted]
    return ranks(distances(vectors, gallery), allowed, family.right)


def _strangers(family: Family) -> np.ndarray:
    """(n, P) bool: vectors of another compound than the base's, with no treatment that would be right."""
    answers = (family.right.astype(np.float32) @ family.owned.T.astype(np.float32)) > 0
    return (family.compounds[None, :] != family.compounds[family.base][:, None]) & ~answers
