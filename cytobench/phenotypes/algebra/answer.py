"""What vector algebra says of an expression, as records."""

from __future__ import annotations

from typing import Literal

from cytobench.schema import Record

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
    nearest: str | None
    """The treatment that it is nearest to alone, the expression's own left out; None of the origin, which has no direction."""


class Answer(Record):
    """What one expression gives."""

    expression: str
    terms: tuple[AnswerTerm, ...]
    length: float
    """Of the result: its Euclidean distance from DMSO, in the same post-processed space."""
    control_place: int
    """DMSO's place among the gallery without own terms by Euclidean distance; by cosine the origin has no place."""
    nearest: tuple[Neighbour, ...]
    """Without the expression's own terms; none where the result is the origin."""
    nearest_with_own: tuple[Neighbour, ...]
    files: tuple[str, ...] = ()


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
