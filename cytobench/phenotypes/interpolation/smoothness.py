"""Whether a model's paths change evenly, and stay among cells, compared with a cross-fade of pixels between the same ends.

Karras et al. 2019 (doi:10.1109/CVPR.2019.00453) measure the mean squared feature distance of images a tiny step apart, divided by
the step's square. Here is its discrete form over whole paths: with f the features of the images x_0 ... x_S of a path,
the relative length is sum_k |f(x_k+1) - f(x_k)| / |f(x_S) - f(x_0)|. It is 1 where images change straight from one end to the
other and larger the more they wander; it does not depend on the features' unit, and the cross-fade has the same ends.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.interpolation.interpolation import CROSS_FADE, Interpolation
from cytobench.phenotypes.interpolation.smoothness_features import Space, neighbour_distance, scaling_of
from cytobench.phenotypes.interpolation.smoothness_record import PathRecord, Smoothness, mean_of

NEIGHBOURS = 2000
"""At most so many cells of the store, drawn by the seed, among which the nearest is looked for."""

FAR = 2.0
"""Ends so many times as far from the nearest cell as cells are from each other are no cells to go between."""


def measure_smoothness(made: Interpolation, space: Space) -> Smoothness:
    """Measure the paths of an interpolation in a feature space.

    Args:
        made: paths with an odd number of images, so that one lies midway.
        space: the features.

    Raises:
        CytoBenchError: where all pairs have equal end images, or most cells of the store do.
    """
    model = made.model
    rows = np.random.default_rng(made.seed).permutation(len(model.store))[:NEIGHBOURS]
    cells = space(model.real(rows))
    scaled = scaling_of(cells, learned=space.learned)
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
        kind="simulated" if model.store.simulated else "real",
        neighbours=len(rows),
        neighbour_distance=unit,
        paths=tuple(_record(path, curves[path], curves[CROSS_FADE]) for path in curves),
        warnings=_warnings(curves, left_out),
    )


class _Curves:
    """Steps and distances of one kind of path, pair by pair."""

    def __init__(self, features: np.ndarray, apart: np.ndarray, cells: np.ndarray, rows: np.ndarray,
                 ends: np.ndarray | None, unit: float):  # fmt: skip
        steps = np.linalg.norm(np.diff(features, axis=1), axis=2)
        self.steps = steps * steps.shape[1] / apart[:, None]
        self.lengths = steps.sum(axis=1) / apart
        self.largest = steps.max(axis=1) / steps.mean(axis=1)
        self.nearest = np.stack([self._nearest(path, cells, rows, None if ends is None else ends[number])
                                 for number, path in enumerate(features)]) / unit  # fmt: skip
        self.midway = self.nearest[:, features.shape[1] // 2]

    def _nearest(self, path: np.ndarray, cells: np.ndarray, rows: np.ndarray, ends: np.ndarray | None) -> np.ndarray:
        others = cells if ends is None else cells[~np.isin(rows, ends)]
        nearest: np.ndarray = cdist(path, others).min(axis=1)
        return nearest


def _record(path: str, own: _Curves, fade: _Curves) -> PathRecord:
    compared = path != CROSS_FADE
    return PathRecord(
        path=path,
        relative_length=mean_of(own.lengths),
        length_ratio=mean_of(own.lengths / fade.lengths, geometric=True) if compared else None,
        largest_step=mean_of(own.largest),
        midpoint=mean_of(own.midway),
        midpoint_ratio=mean_of(own.midway / fade.midway, geometric=True) if compared else None,
        steps=tuple(mean_of(values) for values in own.steps.T),
        nearest=tuple(mean_of(values) for values in own.nearest.T),
    )


def _warnings(curves: dict[str, _Curves], left_out: int) -> tuple[str, ...]:
    said = [f"{left_out} pairs have equal end images and were left out"] if left_out else []
    model = next(iter(curves.values()))
    if min(model.nearest[:, 0].mean(), model.nearest[:, -1].mean()) > FAR:
        how_far = f"the ends of the paths are over {FAR:g} times as far from the nearest cell as cells are from each other"
        said.append(f"{how_far}, so this says how even the paths are, not that they lead between cells")
    return tuple(said)
