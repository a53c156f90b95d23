"""Vector algebra of cells: what treatment does a sum of treatments look like?

Two sums are formed, of the same cells. The ranking adds profiles as ``bbbc021-moa`` makes them (wells averaged and
post-processed, DMSO at the origin) and compares by its distance. The picture adds mean codes as they are, as displacements
from the mean code of DMSO, and decodes the sum; where the factors add up to 1, as in ``A - B + C``, the origin cancels out of it.

The expression's own treatments are ranked both in and out of the gallery. To leave them out, as word analogies do, can by itself
make an equation look right (Linzen 2016, doi:10.18653/v1/W16-2503), so the treatment nearest to each term alone is reported, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytobench.benchmark import MOABenchmark
from cytobench.errors import CytoBenchError
from cytobench.phenotypes.algebra.answer import Answer, AnswerTerm, Neighbour, Scale
from cytobench.phenotypes.algebra.expression_terms import Term, read_terms
from cytobench.phenotypes.algebra.ranking import distances
from cytobench.phenotypes.algebra.space import PRIME, CodeSpace, halves, named_in, whole
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.model import Model

ROUNDING = 1e-9
"""A sum of profiles that is shorter than this part of its longest term is nothing but rounding errors, and taken for 0."""


@dataclass(frozen=True)
class Sum:
    """An expression over the cells of one screen."""

    text: str
    terms: tuple[Term, ...]
    members: tuple[tuple[np.ndarray, ...], ...]
    """The places of each term's cells, by treatment."""
    codes: np.ndarray
    """(terms, Z) mean codes."""
    code: np.ndarray
    """(Z,) their sum, as displacements from DMSO."""
    profiles: np.ndarray
    """(terms, D)."""
    profile: np.ndarray
    """(D,) their sum; 0 where they cancel."""


def read_sums(
    texts: list[str], model: Model, benchmark: MOABenchmark, *, seed: int, progress: bool
) -> tuple[CodeSpace, list[Sum]]:
    """Read expressions, encode the cells they need once, and add them up; a wrong expression is refused before any encoding."""
    cohorts = Cohorts.of(model.store, benchmark)
    terms = [read_terms(text, lambda name: named_in(cohorts, name)) for text in texts]
    names = tuple(dict.fromkeys(whole(cohorts, term.name) for one in terms for term in one))
    space = CodeSpace(model, benchmark, names, progress=progress)
    return space, [_added(space, text, one, seed) for text, one in zip(texts, terms, strict=True)]


def answer(space: CodeSpace, added: Sum, nearest: int) -> Answer:
    """Rank the gallery for a sum."""
    own = _own(space, added)
    far = distances(np.vstack([added.profile, added.profiles]), space.gallery)
    alone = np.where(own, np.inf, far[1:]).argmin(axis=1)
    names = [treatment.name for treatment in space.screen.treatments]
    facts = zip(added.terms, added.members, added.profiles, alone, far[1:].min(axis=1, where=~own, initial=np.inf), strict=True)
    count = nearest if added.profile.any() else 0
    length = float(np.linalg.norm(added.profile))
    euclidean = distances(added.profile[None], space.gallery, "euclidean")[0]
    return Answer(
        expression=added.text.strip(),
        terms=tuple(
            AnswerTerm(
                factor=t.factor,
                name=t.name,
                cells=sum(map(len, places)),
                of_cells=len(space.cohorts.rows(whole(space.cohorts, t.name))),
                nearest=names[index] if profile.any() else None,
                distance=float(distance) if profile.any() else None,
            )
            for t, places, profile, index, distance in facts
        ),
        length=length,
        control=space.cohorts.control,
        control_place=1 + int((euclidean[~own] < length).sum()),
        control_place_with_own=1 + int((euclidean < length).sum()),
        scale=_scale(space),
        nearest=_neighbours(space, far[0], own, ~own, count),
        nearest_with_own=_neighbours(space, far[0], own, np.ones_like(own), count),
    )


def _scale(space: CodeSpace) -> Scale:
    far, compounds = distances(space.gallery, space.gallery), space.screen.compounds
    pairs = np.triu(np.ones(far.shape, bool), 1)
    alike = pairs & (compounds[:, None] == compounds[None, :])
    any_two, one_compound = (float(np.median(far[some])) if some.any() else None for some in (pairs, alike))
    return Scale(any_two=any_two, one_compound=one_compound)


def _own(space: CodeSpace, added: Sum) -> np.ndarray:
    names = {one for term in added.terms for one in space.treatments_of(whole(space.cohorts, term.name))}
    own = np.array([treatment.name in names for treatment in space.screen.treatments])
    if own.all():
        raise CytoBenchError(f"{added.text.strip()!r} names every treatment there is, so none is left to find; name fewer")
    return own


def _neighbours(space: CodeSpace, far: np.ndarray, own: np.ndarray, allowed: np.ndarray, count: int) -> tuple[Neighbour, ...]:
    order = [index for index in np.argsort(far, kind="stable") if allowed[index]][:count]
    found = [(space.screen.treatments[index], index) for index in order]
    return tuple(
        Neighbour(place=1 + n, treatment=t.name, moa=t.moa, distance=float(far[i]), own_term=bool(own[i]))
        for n, (t, i) in enumerate(found)
    )


def _added(space: CodeSpace, text: str, terms: tuple[Term, ...], seed: int) -> Sum:
    members = _members(space, terms, seed)
    codes = np.array([space.mean(space.codes, one) for one in members])
    profiles = np.array([_profile(space, one) for one in members])
    factors = np.array([term.factor for term in terms])
    origin = space.mean(space.codes, space.members(space.cohorts.control))
    profile = factors @ profiles
    longest = np.linalg.norm(factors[:, None] * profiles, axis=1).max()
    if np.linalg.norm(profile) <= ROUNDING * longest:
        profile = np.zeros_like(profile)
    return Sum(text, terms, members, codes, origin + factors @ (codes - origin), profiles, profile)


def _profile(space: CodeSpace, members: tuple[np.ndarray, ...]) -> np.ndarray:
    """The profile (D,) of some cells; of all control cells exactly the origin, which rounding errors would give a direction."""
    found = space.mean(space.profiles, members)
    return np.zeros_like(found) if np.array_equal(members[0], space.members(space.cohorts.control)[0]) else found


def _members(space: CodeSpace, terms: tuple[Term, ...], seed: int) -> tuple[tuple[np.ndarray, ...], ...]:
    control = space.cohorts.control
    drawn: dict[str, tuple[np.ndarray, ...]] = {}
    if any(term.name == f"{control}{PRIME}" for term in terms):
        one, other = halves(space.members(control)[0], np.random.default_rng(seed))
        drawn = {control: (one,), f"{control}{PRIME}": (other,)}
    return tuple(drawn.get(term.name) or space.members(term.name) for term in terms)
