"""Single equations, each put again and again to random groups of the cells that it names."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.algebra.expression_terms import Term, read_terms
from cytobench.phenotypes.algebra.ranking import Ranks, chance, distances, ranks
from cytobench.phenotypes.algebra.space import PRIME, CodeSpace, halves, named_in, whole
from cytobench.phenotypes.analogies.families import dose_ladders
from cytobench.phenotypes.analogies.protocol import AlgebraProtocol, Equation
from cytobench.phenotypes.analogies.scoring import FamilyScores, of_length


@dataclass(frozen=True)
class Group:
    """What one drawing of cells gives: vectors to rank, and what they are ranked against."""

    result: np.ndarray
    base: np.ndarray
    random: np.ndarray
    gallery: np.ndarray
    """(T + 1, D): the treatments, then the control."""
    strangers: np.ndarray
    """Treatments that stand in for the terms beside the base."""


class PosedEquation:
    """An equation over the cells of one screen.

    In each group the cells of every treatment of a term are drawn with replacement. Where ``DMSO'`` stands beside DMSO both are
    disjoint random halves of the control cells. Where the answer is itself a term, each of its treatments is halved at random:
    one half speaks in the expression, the other stands in the gallery. All other treatments of the terms leave the gallery.

    Raises:
        CytoBenchError: where cells that it names are not here, or are too few.
    """

    def __init__(self, equation: Equation, space: CodeSpace, minimum_cells: int):
        self.equation, self._space = equation, space
        self._terms = read_terms(equation.expression, lambda name: named_in(space.cohorts, name))
        base, self._answer = named_in(space.cohorts, equation.base), named_in(space.cohorts, equation.answer)
        found = [number for number, term in enumerate(self._terms) if term.name == base]
        if not found:
            raise CytoBenchError(f"the base {equation.base!r} is no term of {equation.expression!r}; name one of its terms")
        self._base = found[0]
        for term in self._terms:
            _require(space, term, minimum_cells)
        self._names = np.array([t.name for t in space.screen.treatments], object)
        self._inputs = np.isin(self._names, [one for term in self._terms for one in space.treatments_of(term.name)])
        own = space.treatments_of(self._answer)
        self._right = np.append(np.isin(self._names, own), self._answer == space.cohorts.control)
        self._halved = np.flatnonzero(self._right[:-1] & self._inputs)
        self._allowed = np.append(~self._inputs | self._right[:-1], equation.distance == "euclidean")
        self._eligible = np.flatnonzero(self._allowed[:-1] & ~self._right[:-1])
        self._others = [term for number, term in enumerate(self._terms) if number != self._base]
        self._sizes = [max(1, len(space.treatments_of(term.name))) for term in self._others]
        self._steps = self._dose_steps(minimum_cells)
        if not (self._right & self._allowed).any():
            raise CytoBenchError(f"{equation.name}: no profile of the answer {equation.answer!r} can be found")
        if not self._others or len(self._eligible) < sum(self._sizes):
            raise CytoBenchError(f"{equation.name}: too few other treatments to form random differences of")

    def scores(self, protocol: AlgebraProtocol) -> FamilyScores:
        """Rank the answer in every group; each field of the ranks is (groups,)."""
        generator = np.random.default_rng([protocol.seed, *self.equation.name.encode()])
        drawn = [self._draw(generator) for _ in range(protocol.groups)]
        return FamilyScores(
            self._ranked([(group.result, group.gallery, self._allowed) for group in drawn]),
            self._ranked([(group.base, group.gallery, self._allowed) for group in drawn]),
            self._ranked([(group.random, group.gallery, self._without(group.strangers)) for group in drawn]),
            chance(*(np.repeat(mask[None], protocol.groups, axis=0) for mask in (self._allowed, self._right))),
        )

    def _ranked(self, cases: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Ranks:
        far = np.array([distances(vector[None], gallery, self.equation.distance)[0] for vector, gallery, _ in cases])
        return ranks(far, np.array([allowed for *_, allowed in cases]), np.repeat(self._right[None], len(cases), axis=0))

    def _draw(self, generator: np.random.Generator) -> Group:
        space = self._space
        kept = {name: space.treatment(name) for name in self._names[self._halved]}
        speaking: dict[str, np.ndarray] = {}
        for name, places in kept.items():
            speaking[name], kept[name] = halves(places, generator)
        vectors = [term.factor * self._vector(term, speaking, generator) for term in self._terms]
        gallery = np.concatenate([space.gallery, np.zeros((1, space.gallery.shape[1]))])
        for index, places in zip(self._halved, kept.values(), strict=True):
            gallery[index] = space.mean(space.profiles, (places,))
        result, base = np.sum(vectors, axis=0), vectors[self._base]
        if self._steps:
            strangers = np.array(self._steps[generator.integers(len(self._steps))])
        else:
            strangers = generator.choice(self._eligible, sum(self._sizes), replace=False)
        parts = zip(self._others, np.split(strangers, np.cumsum(self._sizes)[:-1]), strict=True)
        difference = np.sum([term.factor * space.gallery[few].mean(axis=0) for term, few in parts], axis=0)
        random = base + (difference if self._steps else of_length(difference, result - base))
        return Group(result, base, random, gallery, strangers)

    def _dose_steps(self, minimum_cells: int) -> list[tuple[int, int]]:
        """Where the terms beside the base are two doses of one compound: all such pairs of other compounds."""
        screen, others = self._space.screen, [np.flatnonzero(self._names == term.name) for term in self._others]
        if [len(found) for found in others] != [1, 1] or self._others[0].factor != -self._others[1].factor:
            return []
        (first,), (second,) = others
        if screen.compounds[first] != screen.compounds[second]:
            return []
        taken = set(screen.compounds[self._inputs | self._right[:-1]])
        ladders = dose_ladders(self._space, minimum_cells)
        rising = [pair for name in sorted(set(ladders) - taken) for pair in combinations(ladders[name], 2)]
        rises = screen.treatments[first].concentration < screen.treatments[second].concentration
        return rising if rises else [(high, low) for low, high in rising]

    def _vector(self, term: Term, speaking: dict[str, np.ndarray], generator: np.random.Generator) -> np.ndarray:
        space, control = self._space, self._space.cohorts.control
        if whole(space.cohorts, term.name) == control:
            return self._control(term.name, speaking, generator)
        treatments = space.treatments_of(term.name)
        drawn = [
            speaking[t] if t in speaking else generator.choice(space.treatment(t), len(space.treatment(t))) for t in treatments
        ]
        return space.mean(space.profiles, tuple(drawn))

    def _control(self, name: str, speaking: dict[str, np.ndarray], generator: np.random.Generator) -> np.ndarray:
        """The mean of control cells: drawn with replacement, or where there is a ``DMSO'`` halves that are drawn once a group."""
        space, control = self._space, self._space.cohorts.control
        places = space.members(control)[0]
        if not any(term.name == control + PRIME for term in self._terms):
            return space.mean(space.profiles, (generator.choice(places, len(places)),))
        if control not in speaking:
            speaking[control], speaking[control + PRIME] = halves(places, generator)
        return space.mean(space.profiles, (speaking[name],))

    def _without(self, strangers: np.ndarray) -> np.ndarray:
        allowed = self._allowed.copy()
        allowed[strangers] = False
        return allowed


def _require(space: CodeSpace, term: Term, minimum_cells: int) -> None:
    for places in space.members(whole(space.cohorts, term.name)):
        if len(places) < minimum_cells:
            raise CytoBenchError(f"a treatment of {term.name} has {len(places)} cells, fewer than {minimum_cells}")
