"""From treatments to cells: what each mechanism and dose does, and how cells, wells and compounds vary."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd

from cytobench.datasets.simulated.parameters import ScreenParameters
from cytobench.datasets.simulated.traits import STATES, TRAITS, Phenotype

LOWEST = {
    "nucleus_radius": 4.0,
    "nucleus_elongation": 1.0,
    "cell_radius": 9.0,
    "cell_elongation": 1.0,
    "tubulin_intensity": 0.2,
    "dna_intensity": 0.3,
    "actin_intensity": 0.2,
    "cell_count": 0.2,
}
"""Limits below which a cell could not be drawn; every other trait stops at 0."""


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator that belongs to a seed and a name (a plate, a compound), whatever else is drawn."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def well_effects(wells: pd.DataFrame, seed: int, parameters: ScreenParameters) -> np.ndarray:
    """The strength of each well's treatment, 0 (as DMSO) to 1: a Hill curve of its compound's dose, (wells,)."""
    dose = parameters.dose
    highest = wells.groupby("compound").concentration.transform("max").to_numpy()
    shift = {name: generator(seed, "potency", name).normal(0, dose.potency_spread) for name in wells.compound.unique()}
    half = np.where(highest > 0, highest, 1) / dose.potency * np.exp(wells.compound.map(shift).to_numpy())
    relative = (wells.concentration.to_numpy() / half) ** dose.slope
    return np.asarray(relative / (relative + 1))


def draw_cells(wells: pd.DataFrame, seed: int, parameters: ScreenParameters, rng: np.random.Generator) -> pd.DataFrame:
    """The cells of one plate.

    Args:
        wells: one row a well, as of ``plate_map`` with ``effect`` from ``well_effects``.
        seed: what compounds' side effects belong to, so that they are the same on every plate.
        parameters: the screen's.
        rng: where everything else comes from.

    Returns:
        One row a cell: ``well_row`` (row in ``wells``), ``at_border`` (nearer than half a crop to the border of its field),
        ``state`` (index into ``STATES``) and every trait.
    """
    effects = wells.effect.to_numpy()[:, None]
    nudges = rng.normal(0, parameters.well_effect, (len(wells), len(TRAITS)))
    sides = parameters.side_effect * np.stack([generator(seed, "side", name).normal(size=len(TRAITS)) for name in wells.compound])
    unit = _row(parameters.between_cells)
    at_border, owner = _owners(_relative_counts(wells, effects, sides * unit, parameters), parameters, rng)
    response = _responses(effects[owner], parameters, rng)
    noise = rng.normal(0, 1, (len(owner), len(TRAITS)))
    values = _row(parameters.control) + response * _full_effects(wells, parameters)[owner]
    values += unit * (noise + nudges[owner] + response * sides[owner])
    return _in_states(pd.DataFrame(values, columns=list(TRAITS)), parameters, rng).assign(well_row=owner, at_border=at_border)


def _row(phenotype: Phenotype) -> np.ndarray:
    return np.array([getattr(phenotype, trait) for trait in TRAITS])


def _full_effects(wells: pd.DataFrame, parameters: ScreenParameters) -> np.ndarray:
    """Each well's mechanism at full effect, as a difference from control: (wells, traits)."""
    known = {"DMSO": parameters.control, **parameters.phenotypes}
    return np.stack([_row(known[moa]) for moa in wells.moa]) - _row(parameters.control)


def _relative_counts(wells: pd.DataFrame, effects: np.ndarray, sides: np.ndarray, parameters: ScreenParameters) -> np.ndarray:
    """The mean number of cells in each well, relative to control, (wells,)."""
    column = TRAITS.index("cell_count")
    shift = effects * (_full_effects(wells, parameters) + sides)
    return np.asarray(np.maximum(parameters.control.cell_count + shift[:, column], LOWEST["cell_count"]))


def _owners(relative: np.ndarray, parameters: ScreenParameters, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Whether each cell lies at the border, and its row in the wells: Poisson about the mean, equally dense everywhere."""
    inside = np.maximum(rng.poisson(parameters.cells_per_well * relative), parameters.fewest_cells)
    border = rng.poisson(parameters.cells_per_well * relative * parameters.border)
    at_border = np.repeat([False, True], [inside.sum(), border.sum()])
    owner = np.concatenate([np.repeat(np.arange(len(relative)), counts) for counts in (inside, border)])
    order = np.argsort(owner, kind="stable")
    return at_border[order], owner[order]


def _responses(effects: np.ndarray, parameters: ScreenParameters, rng: np.random.Generator) -> np.ndarray:
    """How far each cell responds: its well's effect, varied, and 0 for the cells that do not respond, (cells, 1)."""
    varied = effects * np.maximum(1 + rng.normal(0, parameters.response_spread, effects.shape), 0)
    return np.where(rng.random(effects.shape) < parameters.non_responders, 0, varied)


def _in_states(traits: pd.DataFrame, parameters: ScreenParameters, rng: np.random.Generator) -> pd.DataFrame:
    """Put each cell in a state by its own fractions, apply the state's factors and the limits of drawing."""
    bounds = np.cumsum(traits[list(STATES[1:])].clip(lower=0).to_numpy(), axis=1)
    passed = (rng.random((len(traits), 1)) < bounds).sum(axis=1)
    state = np.where(passed > 0, len(STATES) - passed, 0)
    factors = np.stack([np.ones(len(TRAITS)), *(_row(getattr(parameters.states, name)) for name in STATES[1:])])
    lowest = np.array([LOWEST.get(trait, 0.0) for trait in TRAITS])
    return pd.DataFrame(np.maximum(traits * factors[state], lowest), columns=list(TRAITS)).assign(state=state)
