"""Whether a model's paths change evenly, and stay among cells, compared with a cross-fade of pixels between the same ends.

Karras et al. 2019 (doi:10.1109/CVPR.2019.00453) measure the mean squared feature distance of images a tiny step apart, divided by
the step's square. Here is its discrete form over whole paths: with f the features of the images x_0 ... x_S of a path,
the relative length is sum_k |f(x_k+1) - f(x_k)| / |f(x_S) - f(x_0)|. It is 1 where images change straight from one end to the
other and larger the more they wander; it does not depend on the features' unit, and the cross-fade has the same ends.

Distances from the nearest cell reward blank and blurred images where features say little, so two such images are measured too.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.feature_scale import FeatureScale
from cytobench.phenotypes.feature_space import FeatureSpace
from cytobench.phenotypes.interpolation.interpolation import CROSS_FADE, Interpolation
from cytobench.phenotypes.interpolation.smoothness_pairs import Pairs
from cytobench.phenotypes.interpolation.smoothness_record import Control, PathRecord, Smoothness
from cytobench.results.measures import Measure

NEIGHBOURS = 2000
"""At most so many cells of the store, drawn by the seed, among which the nearest is looked for."""

FAR = 2.0
"""Ends so many times as far from the nearest cell as cells are from each other are no cells to go between."""

CONSTANT, CLIP = 1e-6, 5.0
"""How measurements are brought to one scale: as ``bbbc021-realism`` does."""


def measure_smoothness(made: Interpolation, space: FeatureSpace) -> Smoothness:
    """Measure the paths of an interpolation in a feature space.

    Args:
        made: paths with an odd number of images, so that one lies midway.
        space: the features.

    Raises:
        CytoBenchError: where all pairs have equal end images, or most cells of the store do.
    """
    model = made.model
    rows = np.random.default_rng(made.seed).permutation(len(model.store))[:NEIGHBOURS]
    real = model.real(rows)
    cells = space(real)
    scale = FeatureScale(cells, learned=space.learned, constant=CONSTANT, clip=CLIP)

    def scaled(features: np.ndarray) -> np.ndarray:
        return scale.apply(features)[0]

    cells = scaled(cells)
    features = {path: scaled(space(images.reshape(-1, *images.shape[2:]))).reshape(*images.shape[:2], -1)
                for path, images in made.images.items()}  # fmt: skip
    apart = np.linalg.norm(np.diff(features[CROSS_FADE][:, [0, -1]], axis=1)[:, 0], axis=1)
    kept = apart > 1e-9 * max(apart.max(), 1e-300)
    if not kept.any():
        raise CytoBenchError(f"{model.name}: the ends of all {made.pairs} paths are equal images, so nothing lies between them")
    unit = neighbour_distance(cells)
    if unit == 0:
        raise CytoBenchError(f"{model.store.name}: half of its cells equal another one, so there is no distance between cells")
    ends = made.cells[kept] if made.cells is not None else None
    curves = {path: _Curves(values[kept], apart[kept], cells, rows, ends, unit) for path, values in features.items()}
    pairs = Pairs(int(kept.sum()), ends)
    paths = tuple(_record(path, curves[path], curves[CROSS_FADE], pairs) for path in curves)
    blanks = {"black image": np.zeros_like(real[:1]), "mean cell": real.mean(axis=0, keepdims=True)}
    controls = tuple(_control(name, scaled(space(image)), cells, unit) for name, image in blanks.items())
    left_out = int((~kept).sum())
    return Smoothness(
        model=model.name,
        title=model.title,
        seen=model.seen,
        space=made.space,
        features=space.name,
        pairs=int(kept.sum()),
        left_out=left_out,
        places=tuple(made.places.tolist()),
        kind=model.kind,
        neighbours=len(rows),
        neighbour_distance=unit,
        paths=paths,
        controls=controls,
        warnings=warnings_of(paths, controls, left_out),
    )


def neighbour_distance(cells: np.ndarray) -> float:
    """Return the median distance of cells (n, D) from their nearest among each other."""
    distances = cdist(cells, cells)
    np.fill_diagonal(distances, np.inf)
    return float(np.median(distances.min(axis=1)))


def warnings_of(paths: tuple[PathRecord, ...], controls: tuple[Control, ...], left_out: int) -> tuple[str, ...]:
    """Say where the paths measured, or the measure, cannot carry a claim."""
    said = [f"{left_out} pairs have equal end images and were left out"] if left_out else []
    if min(paths[0].nearest[0].value or 0.0, paths[0].nearest[-1].value or 0.0) > FAR:
        how_far = f"the ends of the paths are over {FAR:g} times as far from the nearest cell as cells are from each other"
        said.append(f"{how_far}, so this says how even the paths are, not that they lead between cells")
    blank = min(controls, key=lambda control: control.nearest.value or 0.0)
    level = blank.nearest.value or 0.0
    if level < 1:
        near = f"the {blank.name} is nearer to cells ({level:.2f}) than cells are to each other (1)"
        said.append(f"{near}: that distance cannot tell cells from blanks in these features")
    reached = [path.path for path in paths if (path.midpoint.high or path.midpoint.value or 0.0) >= level]
    if reached:
        midway = f"midway (path: {', '.join(reached)}) images may be no nearer to cells than the {blank.name} is ({level:.2f})"
        said.append(f"{midway}: that distance does not show that cells lie there")
    return tuple(said)


class _Curves:
    """Steps and distances of one kind of path, pair by pair."""

    def __init__(self, features: np.ndarray, apart: np.ndarray, cells: np.ndarray, rows: np.ndarray,
                 ends: np.ndarray | None, unit: float):  # fmt: skip
        steps = np.linalg.norm(np.diff(features, axis=1), axis=2)
        self.steps = steps * steps.shape[1] / apart[:, None]
        self.lengths = steps.sum(axis=1) / apart
        self.nearest = np.stack([self._nearest(path, cells, rows, None if ends is None else ends[number])
                                 for number, path in enumerate(features)]) / unit  # fmt: skip
        self.midway = self.nearest[:, features.shape[1] // 2]

    def _nearest(self, path: np.ndarray, cells: np.ndarray, rows: np.ndarray, ends: np.ndarray | None) -> np.ndarray:
        others = cells if ends is None else cells[~np.isin(rows, ends)]
        nearest: np.ndarray = cdist(path, others).min(axis=1)
        return nearest


def _record(path: str, own: _Curves, fade: _Curves, pairs: Pairs) -> PathRecord:
    compared = path != CROSS_FADE
    return PathRecord(
        path=path,
        relative_length=pairs.mean(own.lengths),
        length_ratio=pairs.geometric_mean(own.lengths / fade.lengths) if compared else None,
        midpoint=pairs.mean(own.midway),
        midpoint_ratio=pairs.geometric_mean(own.midway / fade.midway) if compared else None,
        steps=tuple(pairs.mean(values) for values in own.steps.T),
        nearest=tuple(pairs.mean(values) for values in own.nearest.T),
    )


def _control(name: str, features: np.ndarray, cells: np.ndarray, unit: float) -> Control:
    nearest = float(cdist(features, cells).min()) / unit
    return Control(name=name, nearest=Measure.of(nearest, None, len(cells), "one image has no interval"))
