"""The parameters of the simulated screen, as ``screen.yaml`` states them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from cytobench.errors import CytoBenchError, nearest
from cytobench.files import sha256_text
from cytobench.schema import Record, dump_json, read_yaml, validate


class Phenotype(Record):
    """How a cell is drawn; lengths in px, intensities relative to control, states as fractions of cells."""

    cell_count: float
    nucleus_radius: float
    nucleus_elongation: float
    nucleus_roughness: float
    dna_intensity: float
    dna_contrast: float
    dna_coarseness: float
    nucleoli: float
    mitotic: float
    monopolar: float
    multinucleate: float
    condensed: float
    cell_radius: float
    cell_elongation: float
    cell_roughness: float
    protrusions: float
    tubulin_intensity: float
    tubulin_filaments: float
    tubulin_bundling: float
    tubulin_perinuclear: float
    actin_intensity: float
    actin_cortex: float
    actin_fibres: float
    actin_aggregates: float


TRAITS = tuple(Phenotype.model_fields)
"""The names of a phenotype's numbers, in their order as columns."""


class States(Record):
    """What a state other than interphase does to its cell: a factor for each trait."""

    mitotic: Phenotype
    monopolar: Phenotype
    multinucleate: Phenotype
    condensed: Phenotype


STATES = ("interphase", *States.model_fields)
"""The states of a cell; a cell's ``state`` is an index into them."""


class Dose(Record):
    """Hill curve of every compound; ``potency`` is its highest dose over the dose of half effect."""

    slope: float = Field(gt=0)
    potency: float = Field(gt=0)
    potency_spread: float = Field(ge=0)


class BatchEffect(Record):
    """Standard deviations between batches: of log gain, log background, blur in px and log size."""

    gain: float = Field(ge=0)
    background: float = Field(ge=0)
    blur: float = Field(ge=0)
    size: float = Field(ge=0)


class Optics(Record):
    """The microscope, a number a channel; gain, background and noise in 12-bit counts, blur in px."""

    gain: tuple[float, float, float]
    background: tuple[float, float, float]
    blur: tuple[float, float, float]
    shading: float = Field(ge=0, lt=1)
    read_noise: float = Field(ge=0)
    electrons: float = Field(gt=0)


class ScreenParameters(Record):
    """Everything that the simulated screen depends on beside its seed; ``screen.yaml`` explains each number."""

    crop: int = Field(ge=48)
    plates_per_week: int = Field(ge=1)
    cells_per_well: float = Field(gt=0)
    fewest_cells: int = Field(ge=1)
    field: tuple[int, int]
    sites: int = Field(ge=1)
    control_wells: tuple[str, ...]
    pinned_plates: tuple[str, ...]
    pinned_wells: dict[str, str]
    weeks: dict[str, str]
    dose: Dose
    control: Phenotype
    phenotypes: dict[str, Phenotype]
    states: States
    between_cells: Phenotype
    non_responders: float = Field(ge=0, le=1)
    response_spread: float = Field(ge=0)
    side_effect: float = Field(ge=0)
    well_effect: float = Field(ge=0)
    week: BatchEffect
    plate: BatchEffect
    optics: Optics

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """Fill what a mechanism does not name from control, and what a state does not name with the factor 1."""
        bases = {"phenotypes": data.get("control", {}), "states": dict.fromkeys(TRAITS, 1.0)}
        named = {key: data.get(key, {}) for key in bases}
        return {**data, **{key: {name: {**bases[key], **traits} for name, traits in named[key].items()} for key in bases}}

    @property
    def sha256(self) -> str:
        """The sha256 of all parameters: with the seed, the key of a cached screen."""
        return sha256_text(dump_json(self))

    def week_of(self, compound: str) -> str:
        """The week that a compound was screened in."""
        if compound not in self.weeks:
            known = nearest(compound, self.weeks)
            raise CytoBenchError(f"screen.yaml: the compound {compound!r} has no week; add it to 'weeks'{known}")
        return self.weeks[compound]


def read_parameters(path: Path | None = None) -> ScreenParameters:
    """Read the parameters of a screen from ``path``, by default from the package's ``screen.yaml``."""
    path = path or Path(str(files("cytobench.datasets.simulated") / "screen.yaml"))
    return validate(ScreenParameters, read_yaml(path), str(path))
