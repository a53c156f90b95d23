"""Directions in a generative model's noise space along which a property of its cells changes: more tubulin, a larger nucleus.

CytoGAN (doi:10.1101/227645) shows such algebra with chosen noise points; here each property that is measured of generated cells
is regressed on their noise, and a direction counts as one only where noise that the regression has not seen is predicted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold

from cytobench.errors import CytoBenchError, nearest
from cytobench.phenotypes.anatomy.measuring import UNITS, Anatomy, measure_anatomy
from cytobench.phenotypes.directions.statistics import explained
from cytobench.phenotypes.model import Model
from cytobench.progress import progress_bar
from cytobench.results.measures import Measure

PENALTIES = np.logspace(-2, 6, 17)
"""Of the ridge; the one with the least leave-one-out error within the noise that is fitted is taken."""
FOLDS = 5
FEWEST = 50
"""Generated cells with a nucleus that a regression needs."""
PART = 512
"""Cells that are generated, measured and forgotten at a time; no result depends on it."""

ARRAYS = tuple(field.name for field in fields(Anatomy) if field.name != "channels")
"""What an anatomy holds of each cell."""


@dataclass(frozen=True)
class Sample:
    """Noise, what a model makes of it, and how its cells measure up."""

    model: Model
    noise: np.ndarray
    """(n, Z)."""
    rows: np.ndarray
    """(n,) cells of the store with whose treatments a conditional model makes each; unused by others."""
    anatomy: Anatomy

    @property
    def properties(self) -> dict[str, np.ndarray]:
        """Each property (n,)."""
        return self.anatomy.properties

    def spread(self, vector: np.ndarray) -> float:
        """The standard deviation of the noise along a unit vector (Z,)."""
        return float((self.noise @ vector).std(ddof=1))


@dataclass(frozen=True)
class Direction:
    """The unit vector of the noise space along which a property grows."""

    name: str
    """Of the property."""
    vector: np.ndarray
    """(Z,); zeros where the property does not depend on the noise at all."""
    r2: Measure
    """Share of the property's variance that the regression predicts for noise left out of it."""

    @property
    def found(self) -> bool:
        """Whether the noise left out is predicted better than by the mean: the interval's low end is above 0."""
        return self.r2.low is not None and self.r2.low > 0 and bool(self.vector.any())


def draw_sample(model: Model, n: int, seed: int, *, progress: bool = False) -> Sample:
    """Generate ``n`` cells and measure them; a conditional model is told the treatments of cells drawn at random."""
    noise = model.noise(n, seed)
    rows = np.random.default_rng([seed, 0]).choice(len(model.store), n)
    parts = []
    with progress_bar(n, "generating and measuring", "cell", shown=progress) as bar:
        for start in range(0, n, PART):
            some = slice(start, start + PART)
            parts.append(measure_anatomy(model.generate(noise[some], rows[some]), model.channels))
            bar.update(len(parts[-1].found))
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS}
    return Sample(model, noise, rows, Anatomy(model.channels, **arrays))


def chosen_properties(wanted: tuple[str, ...], properties: Mapping[str, np.ndarray], model: Model) -> tuple[str, ...]:
    """The properties asked for, all where none is; CytoBenchError where one is unknown, or not shown by the model's channels."""
    for name in wanted:
        if name not in UNITS:
            raise CytoBenchError(f"no property is called {name!r}{nearest(name, UNITS)}; there are {', '.join(UNITS)}")
        if name not in properties:
            raise CytoBenchError(
                f"{model.name} sees {', '.join(model.channels)}, which do not show {name}; ask for another property"
            )
    return tuple(dict.fromkeys(wanted)) or tuple(properties)


def find_direction(sample: Sample, name: str, seed: int) -> Direction:
    """Regress one property on the noise by ridge; images without a nucleus are left out.

    Args:
        sample: generated cells.
        name: of the property.
        seed: of the folds and of the bootstrap.
    """
    values = sample.properties[name]
    known = sample.anatomy.found & np.isfinite(values)
    noise, values = sample.noise[known].astype(float), values[known]
    none = np.zeros(sample.noise.shape[1])
    if len(values) < FEWEST:
        return Direction(
            name, none, Measure(value=None, n=len(values), reason=f"fewer than {FEWEST} generated cells have a nucleus")
        )
    if np.ptp(values) <= 1e-9 * np.abs(values).max():
        return Direction(name, none, Measure(value=None, n=len(values), reason="it is the same in every generated cell"))
    predicted = np.empty_like(values)
    for fitted, left_out in KFold(FOLDS, shuffle=True, random_state=seed).split(noise):
        predicted[left_out] = _regression(noise[fitted], values[fitted]).predict(noise[left_out])
    slopes = _regression(noise, values).coef_
    length = np.linalg.norm(slopes)
    return Direction(name, slopes / length if length > 0 else none, explained(values, predicted, seed))


def random_direction(dimensions: int, seed: int) -> np.ndarray:
    """A unit vector (Z,) that knows of no property: the control."""
    vector = np.random.default_rng([seed, 2]).normal(size=dimensions)
    return vector / np.linalg.norm(vector)


def _regression(noise: np.ndarray, values: np.ndarray) -> RidgeCV:
    return RidgeCV(alphas=PENALTIES).fit(noise, values)
