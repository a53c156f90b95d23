"""What the realism benchmark is told by its ``protocol.yaml``, and what its columns mean."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from cytobench.benchmark import ModelProtocol
from cytobench.results.measures import Column

COLUMNS = (
    Column(
        name="kid",
        title="KID",
        better="lower",
        meaning="Kernel inception distance of generated and real cells (Binkowski et al. 2018); unbiased: 0 for equal ones.",
    ),
    Column(
        name="fid",
        title="FID",
        better="lower",
        meaning="Frechet distance of the Gaussians fitted to both (Heusel et al. 2017); biased: read it beside the floor.",
    ),
    Column(
        name="precision",
        title="precision",
        better="higher",
        meaning="Share of generated cells within reach of a real one (Kynkaanniemi et al. 2019).",
    ),
    Column(
        name="recall",
        title="recall",
        better="higher",
        meaning="Share of real cells within reach of a generated one (Kynkaanniemi et al. 2019).",
    ),
    Column(
        name="density",
        title="density",
        better="higher",
        meaning="Real cells within whose reach a generated one lies, over what is expected: 1 for equals (Naeem et al. 2020).",
    ),
    Column(
        name="coverage",
        title="coverage",
        better="higher",
        meaning="Share of real cells within whose own reach a generated one lies (Naeem et al. 2020).",
    ),
    Column(
        name="copied",
        title="copied",
        better="lower",
        meaning="Share of generated cells at less than a third of the distance to their nearest training cell, in features or "
        "pixels, that they have to the next (Yoon et al. 2023).",
    ),
    Column(
        name="authenticity",
        title="authenticity",
        better="neither",
        meaning="Share of generated cells farther from their nearest real cell than that is from its own (Alaa et al. 2022): "
        "about the floor's for new real cells, 0 for copies, 1 for cells unlike any.",
    ),
)


class RealismProtocol(ModelProtocol):
    """The contents of ``protocol.yaml``, which explains each."""

    cells: int = Field(ge=40)
    seed: int
    headline: str
    k_precision: PositiveInt
    k_density: PositiveInt
    constant_feature: float = Field(ge=0)
    clip: PositiveFloat
    copy_ratio: float = Field(gt=0, lt=1)
    searched: int = Field(ge=3)
    bootstrap_samples: PositiveInt
    groups: int = Field(ge=2)
    level: float = Field(gt=0, lt=1)
    minimum_cells: int = Field(ge=2)
    shown: PositiveInt
