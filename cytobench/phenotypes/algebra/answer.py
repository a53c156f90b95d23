"""What vector algebra says of an expression, as records."""

from __future__ import annotations

from cytobench.schema import Record


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
    nearest: str
    """The treatment that it is nearest to alone, the expression's own left out."""


class Answer(Record):
    """What one expression gives."""

    expression: str
    terms: tuple[AnswerTerm, ...]
    length: float
    """Of the result: its Euclidean distance from DMSO, in the same post-processed space."""
    control_place: int
    """DMSO's place among the gallery without own terms by Euclidean distance; by cosine the origin has no place."""
    nearest: tuple[Neighbour, ...]
    """Without the expression's own terms."""
    nearest_with_own: tuple[Neighbour, ...]
    files: tuple[str, ...] = ()


class AlgebraReport(Record):
    """What ``cytobench algebra`` says."""

    model: str
    title: str
    dataset: str
    profiles: str
    """What made profiles: benchmark, post-processing and distance."""
    seed: int
    answers: tuple[Answer, ...]
