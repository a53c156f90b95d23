"""The record that a mechanism-of-action ``protocol.yaml`` is read into; the file itself explains each value."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from cytobench.profiling.postprocess import NAMES, PATTERN
from cytobench.schema import Record


class PinnedWells(Record):
    """A treatment of which only these wells count."""

    compound: str
    concentration: float
    well: str
    plates: tuple[str, ...]


class MOAProtocol(Record):
    """A versioned protocol."""

    name: str
    version: int
    title: str
    citation: tuple[str, ...]
    treatments: str
    control: str
    batch: Literal["plate-prefix"]
    pinned_wells: tuple[PinnedWells, ...]
    cells_to_wells: Literal["mean"]
    wells_to_treatments: Literal["mean"]
    distance: Literal["cosine"]
    headline: str
    panel: tuple[str, ...]
    constant_feature: float
    minimum_controls: int
    bootstrap_samples: int
    level: float
    permutations: int
    seed: int

    @field_validator("panel")
    @classmethod
    def _known_entries(cls, panel: tuple[str, ...]) -> tuple[str, ...]:
        for name in panel:
            if not PATTERN.fullmatch(name):
                raise ValueError(f"{name!r} is not a post-processing; the names are {NAMES}")
        return panel
