"""The numbers that a cell is drawn from, and the states it may be in."""

from __future__ import annotations

from cytobench.schema import Record


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
