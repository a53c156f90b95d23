"""How often analogies find their answer: by the result, by its base alone, by other differences and by chance."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from cytobench.phenotypes.algebra.ranking import Ranks, chance, distances, ranks
from cytobench.phenotypes.analogies.families import Family
from cytobench.phenotypes.analogies.protocol import AlgebraProtocol


@dataclass(frozen=True)
class FamilyScores:
    """The ranks of a family's analogies, each (n,)."""

    result: Ranks
    base: Ranks
    random: Ranks | None
    """The mean over other differences; None where there are none for some analogy."""
    chance: Ranks


def score_family(family: Family, gallery: np.ndarray, protocol: AlgebraProtocol) -> FamilyScores:
    """Score all analogies of a family against a gallery (T, D); result and base have the same gallery."""
    vectors, allowed, right = family.vectors, family.allowed, family.right
    base = vectors[family.base]
    result = base + vectors[family.added] - vectors[family.subtracted]
    generator = np.random.default_rng(protocol.seed)
    enough = len(family) > 0 and family.eligible.any(axis=1).all()
    drawn = [_stood_in(family, gallery, generator) for _ in range(protocol.random_differences if enough else 0)]
    return FamilyScores(
        ranks(distances(result, gallery), allowed, right),
        ranks(distances(base, gallery), allowed, right),
        mean_ranks(drawn) if drawn else None,
        chance(allowed, right),
    )


def mean_ranks(drawn: list[Ranks]) -> Ranks:
    """The mean of several rankings of the same analogies."""
    return Ranks(*(np.mean([getattr(one, field.name) for one in drawn], axis=0) for field in fields(Ranks)))


def _stood_in(family: Family, gallery: np.ndarray, generator: np.random.Generator) -> Ranks:
    """The base with another difference than its own, drawn at random, whose treatments then leave the gallery, too."""
    order, counts = np.argsort(~family.eligible, axis=1, kind="stable"), family.eligible.sum(axis=1)
    drawn = order[np.arange(len(family)), generator.integers(counts)]
    added, subtracted = family.differences[drawn].T
    difference = family.vectors[added] - family.vectors[subtracted]
    if family.rescaled:
        difference = of_length(difference, family.vectors[family.added] - family.vectors[family.subtracted])
    allowed = family.allowed & ~family.owned[added] & ~family.owned[subtracted]
    return ranks(distances(family.vectors[family.base] + difference, gallery), allowed, family.right)


def of_length(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Vectors (..., D) with the lengths of others; 0 stays 0."""
    lengths, wanted = (np.linalg.norm(values, axis=-1, keepdims=True) for values in (vectors, others))
    return vectors * np.divide(wanted, lengths, out=np.zeros_like(wanted), where=lengths > 0)
