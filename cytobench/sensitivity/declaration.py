"""The record that a benchmark's ``sensitivity.yaml`` is read into: which choices are varied, and what the protocol says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from cytobench.profiling.explorations import NAMES, PATTERN
from cytobench.schema import Record, read_yaml, validate

Metric = Literal["nsc", "nscb", "map_replicate"]

METRICS: tuple[Metric, ...] = ("nsc", "nscb", "map_replicate")
"""The scores that are mapped."""

IMPLEMENTED = {
    "aggregation": ("mean", "median", "trimmed-mean", "cells-to-treatments"),
    "whitening": ("none", "cytogan"),
    "features": ("all", "selected"),
    "taxol": ("pinned", "all-wells", "one-batch"),
    "metric": ("cosine", "pearson", "euclidean"),
    "averaging": ("treatments", "compounds"),
    "batch": ("week", "plate"),
    "nscb_over": ("reachable", "all"),
}
"""The values of each axis that can be measured; of ``postprocessing`` they are the panel's and the explorations'."""


class Setting(Record):
    """One value of every axis: a point of the map."""

    aggregation: str
    whitening: str
    features: str
    taxol: str
    postprocessing: str
    metric: str
    averaging: str
    batch: str
    nscb_over: str

    def changed(self, **values: str) -> Setting:
        """The same setting with other values of some axes."""
        return self.model_copy(update=values)

    def differences(self, other: Setting) -> dict[str, str]:
        """The axes, and their values here, in which this setting is not ``other``."""
        return {axis: value for axis, value in dict(self).items() if value != getattr(other, axis)}


class Choice(Record):
    """One value of an axis."""

    says: str
    used_by: tuple[str, ...]
    """Citations."""
    moves: tuple[Metric, ...] | None = None
    """Where this value moves other scores than its axis does."""


class Axis(Record):
    """One choice that is made between cells and a score."""

    title: str
    reference: str
    """What the protocol says."""
    moves: tuple[Metric, ...]
    factorial: bool
    """Whether it is combined with the other axes."""
    values: dict[str, Choice]

    @model_validator(mode="after")
    def _reference_is_a_value(self) -> Axis:
        if self.reference not in self.values:
            raise ValueError(f"the reference {self.reference!r} is not among the values {', '.join(self.values)}")
        return self

    def moved_by(self, value: str) -> tuple[Metric, ...]:
        """The scores that ``value`` can change."""
        own = self.values[value].moves
        return self.moves if own is None else own


class Declaration(Record):
    """All axes of one benchmark's map."""

    axes: dict[str, Axis]

    @model_validator(mode="after")
    def _axes_are_measured(self) -> Declaration:
        if set(self.axes) != set(Setting.model_fields):
            raise ValueError(f"the axes must be {', '.join(Setting.model_fields)}, not {', '.join(self.axes)}")
        for value in self.postprocessings:
            if not PATTERN.fullmatch(value):
                raise ValueError(f"postprocessing has the value {value!r}; the names are {NAMES}")
        for name, known in IMPLEMENTED.items():
            for value in self.axes[name].values:
                if value not in known:
                    raise ValueError(f"{name} has the value {value!r}, which is none of {', '.join(known)}")
        return self

    @property
    def reference(self) -> Setting:
        """What the protocol says."""
        return Setting(**{name: axis.reference for name, axis in self.axes.items()})

    @property
    def postprocessings(self) -> tuple[str, ...]:
        """Every post-processing, in the declared order."""
        return tuple(self.axes["postprocessing"].values)

    def alternatives(self) -> list[tuple[str, str]]:
        """Every value other than the reference, post-processings aside, with its axis."""
        others = {name: axis for name, axis in self.axes.items() if name != "postprocessing"}
        return [(name, value) for name, axis in others.items() for value in axis.values if value != axis.reference]

    def factorial(self, metric: Metric) -> Iterator[Setting]:
        """Every combination of the factorial axes' values that can change ``metric``, those that cannot left out."""
        values = {name: self._varied(axis, metric) for name, axis in self.axes.items()}
        for combination in product(*values.values()):
            yield Setting(**dict(zip(values, combination, strict=True)))

    @staticmethod
    def _varied(axis: Axis, metric: Metric) -> list[str]:
        varied = [value for value in axis.values if axis.factorial and metric in axis.moved_by(value)]
        return [axis.reference, *(value for value in varied if value != axis.reference)]


def read_declaration(path: Path) -> Declaration:
    """Read and check a ``sensitivity.yaml``."""
    return validate(Declaration, read_yaml(path), str(path))
