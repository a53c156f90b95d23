"""The record that an algebra benchmark's ``protocol.yaml`` is read into; the file itself explains each value."""

from __future__ import annotations

from pydantic import Field

from cytobench.phenotypes.algebra.ranking import Distance
from cytobench.phenotypes.benchmark import ModelProtocol
from cytobench.schema import Record


class Equation(Record):
    """``expression =? answer``."""

    name: str
    expression: str
    base: str
    """The term that the rest is added to."""
    answer: str
    """A treatment, a mechanism of action or the control."""
    distance: Distance


class AlgebraProtocol(ModelProtocol):
    """A versioned protocol."""

    profiles: str
    equations: tuple[Equation, ...] = Field(min_length=1)
    minimum_cells: int = Field(ge=2)
    groups: int = Field(ge=1)
    random_differences: int = Field(ge=1)
    bootstrap_samples: int = Field(ge=1)
    level: float = Field(gt=0, lt=1)
    fewest_compounds: int = Field(ge=2)
    seed: int = Field(ge=0)
