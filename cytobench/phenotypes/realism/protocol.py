"""What the realism benchmark is told by its ``protocol.yaml``, and what its columns mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, PositiveFloat, PositiveInt

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.benchmark import ModelProtocol
from cytobench.results.measures import Column

if TYPE_CHECKING:
    from cytobench.datasets.store import CellStore

COLUMNS = (
    Column(
        name="kid",
        title="KID",
        better="lower",
        meaning="Kernel inception distance of generated cells and the store's (Binkowski et al. 2018); unbiased: 0 for equals.",
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
        meaning="Share of generated cells within reach of one of the store (Kynkaanniemi et al. 2019).",
    ),
    Column(
        name="recall",
        title="recall",
        better="higher",
        meaning="Share of the store's cells within reach of a generated one (Kynkaanniemi et al. 2019).",
    ),
    Column(
        name="density",
        title="density",
        better="higher",
        meaning="The store's cells within whose reach a generated one lies, over what equals have (Naeem et al. 2020).",
    ),
    Column(
        name="coverage",
        title="coverage",
        better="higher",
        meaning="Share of the store's cells within whose own reach a generated one lies (Naeem et al. 2020).",
    ),
    Column(
        name="copied",
        title="copied",
        better="lower",
        meaning="Share of generated cells at less than a third of the distance to their nearest training cell, in features or "
        "pixels, that they have to the next (Yoon et al. 2023); in pixels also if turned or mirrored.",
    ),
    Column(
        name="authenticity",
        title="authenticity",
        better="neither",
        meaning="Share of generated cells farther from their nearest cell of set A than that is from its own (Alaa et al. 2022): "
        "about the floor's for new cells of the store, 0 for copies, 1 for cells unlike any.",
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
    moa: str
    """The benchmark, ``name/version``, whose table says which treatment has which mechanism of action."""
    shown: PositiveInt

    def size(self, store: CellStore) -> int:
        """How many cells of a store each set holds: as many for every group of the jackknife.

        Raises:
            CytoBenchError: where the store is too small.
        """
        n = min(self.cells, len(store) // 2) // self.groups * self.groups
        if n < 2 * self.groups:
            raise CytoBenchError(
                f"{store.name} has {len(store)} cells, and realism needs {4 * self.groups}: two sets of {2 * self.groups}; "
                "take a larger data set"
            )
        return n
