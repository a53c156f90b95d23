"""The parameters of the simulated screen, as ``screen.yaml`` states them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from cytobench.datasets.simulated.traits import TRAITS, Phenotype, States
from cytobench.errors import CytoBenchError, nearest
from cytobench.files import sha256_text
from cytobench.schema import Record, dump_json, read_yaml, validate

BEYOND = 26
"""px; a cell whose nucleus lies further than this outside a field shows nothing worth drawing in it."""


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Well = Annotated[str, Field(pattern=r"^[A-H](0[1-9]|1[0-2])$")]
Week = Annotated[str, Field(pattern=r"^Week[1-9][0-9]*$")]


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


class Placement(Record):
    """How cells lie in a field of view; both are fractions."""

    clumping: float = Field(ge=0, le=1)
    overlap: float = Field(ge=0, lt=1)


class Debris(Record):
    """What lies among the cells, a square megapixel of field."""

    specks: float = Field(ge=0)
    dust: float = Field(ge=0)


class Optics(Record):
    """The microscope, a number a channel; gain, background and noise in 12-bit counts, blur and defocus in px."""

    gain: tuple[Positive, Positive, Positive]
    background: tuple[NotNegative, NotNegative, NotNegative]
    blur: tuple[Positive, Positive, Positive]
    shading: float = Field(ge=0, lt=1)
    off_centre: float = Field(ge=0)
    out_of_focus: float = Field(ge=0, le=1)
    defocus: tuple[NotNegative, NotNegative]
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
    control_wells: tuple[Well, ...]
    pinned_plates: tuple[str, ...]
    pinned_wells: dict[str, Well]
    weeks: dict[str, Week]
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
    placement: Placement
    debris: Debris
    optics: Optics

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """Fill what a mechanism does not name from control, and what a state does not name with the factor 1."""
        bases = {"phenotypes": data.get("control"), "states": dict.fromkeys(TRAITS, 1.0)}
        return {**data, **{key: _filled(data.get(key), base) for key, base in bases.items() if key in data}}

    @model_validator(mode="after")
    def _fields_hold_crops(self) -> ScreenParameters:
        if min(self.field) <= self.crop:
            raise ValueError(f"field: both sides must be longer than the crop of {self.crop} px (got {list(self.field)})")
        return self

    @property
    def border(self) -> float:
        """The area where cells are at the border of a field (up to ``BEYOND`` outside), relative to the rest of the field."""
        width, height = self.field
        inside = (width - self.crop) * (height - self.crop)
        return (width + 2 * BEYOND) * (height + 2 * BEYOND) / inside - 1

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
    """Read the parameters of a screen: those of the package's ``screen.yaml``, but for the keys that the file ``path`` names."""
    default = Path(str(files("cytobench.datasets.simulated") / "screen.yaml"))
    named = {} if path is None else read_yaml(path)
    if not isinstance(named, dict):
        raise CytoBenchError(f"{path}: holds no keys; write lines such as 'field: [1280, 1024]', as in screen.yaml")
    return validate(ScreenParameters, _merged(read_yaml(default), named), str(path or default))


def _merged(base: Any, named: Any) -> Any:
    """``base``, but for what ``named`` names at any depth."""
    if not isinstance(base, dict) or not isinstance(named, dict):
        return named
    return base | {key: _merged(base.get(key), value) for key, value in named.items()}


def _filled(named: Any, base: Any) -> Any:
    """Each record of ``named`` on top of ``base``; what is no record is left for the validation to refuse."""
    if not isinstance(named, dict) or not isinstance(base, dict):
        return named
    return {name: {**base, **traits} if isinstance(traits, dict) else traits for name, traits in named.items()}
