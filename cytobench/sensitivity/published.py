"""The record that ``leaderboards/published.yaml`` is read into: figures of the literature, and where they stand on the map."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from cytobench.profiling.explorations import PATTERN
from cytobench.schema import Record, read_yaml, validate
from cytobench.sensitivity.declaration import IMPLEMENTED, Setting


class Figure(Record):
    """One published accuracy."""

    percent: float = Field(ge=0, le=100)
    read_in: Literal["source", "second source"]
    """Where it was read: in the publication itself (or its code), or in another that reports it."""


class PublishedResult(Record):
    """One row of the literature."""

    method: str
    year: int
    nsc: Figure | None = None
    nscb: Figure | None = None
    supervision: str
    postprocessing: str | None = None
    """As the source has it; None where it is not stated."""
    setting: dict[str, str] = {}
    """The axes that the source states, at the value of ours that is nearest to it."""
    nearest: tuple[str, ...] = ()
    """Methods of this suite that are most like it, the most like first; chosen by what they are."""
    citation: str

    @model_validator(mode="after")
    def _known_setting(self) -> PublishedResult:
        for axis, value in self.setting.items():
            if axis not in Setting.model_fields:
                raise ValueError(f"{axis!r} is no axis of the map; the axes are {', '.join(Setting.model_fields)}")
            known = bool(PATTERN.fullmatch(value)) if axis == "postprocessing" else value in IMPLEMENTED[axis]
            if not known:
                raise ValueError(f"{axis} has no value {value!r} on the map")
        if self.nsc is None and self.nscb is None:
            raise ValueError(f"{self.method}: has neither nsc nor nscb")
        return self

    def place(self, reference: Setting) -> Setting:
        """The point of the map where it stands; what is not stated is taken as the reference."""
        return reference.changed(**self.setting)


class Published(Record):
    """All rows."""

    results: tuple[PublishedResult, ...]


def read_published(path: Path) -> Published:
    """Read and check a ``published.yaml``."""
    return validate(Published, read_yaml(path), str(path))
