"""What vector algebra says of an expression, as records."""

from __future__ import annotations

from typing import Literal

from cytobench.phenotypes.algebra.space import PRIME
from cytobench.schema import Record

FEW = 10
"""Cells: a term of fewer is marked, for its mean is of chance."""

ORIGIN = "the result is DMSO, the origin: it has no direction, so nothing is ranked"
"""What is said where an expression's profiles cancel."""


class Neighbour(Record):
    """A treatment in the order of its distance."""

    place: int
    treatment: str
    moa: str
    distance: float
    own_term: bool
    """Whether its cells are in the expression."""


class AnswerTerm(Record):
    """One term of the expression."""

    factor: float
    name: str
    cells: int
    """Whose mean it is."""
    of_cells: int
    """All that the screen has of it: more where the protocol counts some wells only, or for a half of the control."""
    nearest: str | None
    """The treatment that it is nearest to alone, the expression's own left out; None of the origin, which has no direction."""
    distance: float | None
    """From that treatment."""

    @property
    def sign(self) -> str:
        """What stands before its name: ``+``, ``- 2 x``."""
        return f"{'-' if self.factor < 0 else '+'}{'' if abs(self.factor) == 1 else f' {abs(self.factor):g} x'}"


class Scale(Record):
    """What a distance is to be compared with: medians over pairs of the ranked treatments; None where there is no pair."""

    any_two: float | None
    """Of any two treatments."""
    one_compound: float | None
    """Of two treatments of one compound."""

    @property
    def text(self) -> str:
        """As a sentence."""
        values = ["none to measure" if value is None else f"{value:.3f}" for value in (self.any_two, self.one_compound)]
        return f"median distance between two treatments: {values[0]}; between two of one compound: {values[1]}"


class Answer(Record):
    """What one expression gives."""

    expression: str
    terms: tuple[AnswerTerm, ...]
    length: float
    """Of the result: its Euclidean distance from DMSO, in the same post-processed space."""
    control: str
    """The origin: ``DMSO``."""
    control_place: int
    """Its place among the gallery without own terms by Euclidean distance; by cosine the origin has no place."""
    control_place_with_own: int
    """The same, own terms ranked too."""
    scale: Scale
    nearest: tuple[Neighbour, ...]
    """Without the expression's own terms; none where the result is the origin."""
    nearest_with_own: tuple[Neighbour, ...]
    files: tuple[str, ...] = ()

    @property
    def verdict(self) -> str | None:
        """What is to be known before the ranking: whether the result is (nearest to) the control."""
        if not self.nearest:
            return ORIGIN
        if self.control_place > 1:
            return None
        if self.control_place_with_own > 1:
            return f"own terms left out, the result is nearest to {self.control}"
        return f"nothing left: the result is nearest to {self.control}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Which terms are means of few cells, or of those in some wells only."""
        return tuple(note for term in self.terms if (note := self._note(term)))

    def _note(self, term: AnswerTerm) -> str | None:
        pinned = term.cells < term.of_cells and term.name not in (self.control, f"{self.control}{PRIME}")
        if not pinned and term.cells >= FEW:
            return None
        counted = f"{term.name}: {'one cell' if term.cells == 1 else f'a mean of {term.cells} cells'}"
        return f"{counted}, of its {term.of_cells} those in the wells that the protocol pins" if pinned else counted


class AlgebraReport(Record):
    """What ``cytobench algebra`` says."""

    schema_version: Literal[1] = 1
    model: str
    title: str
    dataset: str
    profiles: str
    """What made profiles: benchmark, post-processing and distance."""
    seed: int
    answers: tuple[Answer, ...]
