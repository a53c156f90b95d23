"""Walks along directions of the noise space: what changes on the way, on purpose and by the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytobench.phenotypes.anatomy.measuring import UNITS, Anatomy, measure_anatomy
from cytobench.phenotypes.directions.directions import ARRAYS, Direction, Sample, chosen_properties, draw_sample, random_direction
from cytobench.phenotypes.directions.directions import find_direction as find
from cytobench.phenotypes.directions.report import DirectionReport, DirectionsReport, Effect, Walk
from cytobench.phenotypes.directions.statistics import mean_curve, mean_slope
from cytobench.phenotypes.model import Model
from cytobench.progress import progress_bar

REACH = 3.0
"""How far a walk goes to either side of its start, in standard deviations of the noise along the direction."""
STARTS = 48
"""Noise points that walks start from; none of them is regressed on."""
COMPARED = 300
"""Cells of the store whose variety the generated cells' is compared with."""
SHOWN = 4
"""Walks in a picture: the first."""


@dataclass(frozen=True)
class Walked:
    """A direction with its walk and pictures from it."""

    direction: Direction
    report: DirectionReport
    images: np.ndarray | None
    """(SHOWN, steps, C, H, W) cells on the way; None where there is no direction to walk."""


def explore(
    model: Model, wanted: tuple[str, ...], n: int, steps: int, seed: int, starts: int = STARTS, *, progress: bool = False
) -> tuple[DirectionsReport, list[Walked]]:
    """Find and walk the directions of a model.

    Args:
        model: a generative one.
        wanted: names of properties (``UNITS``); all that its channels show where empty.
        n: cells to regress on.
        steps: cells on the way from ``-REACH`` to ``REACH``.
        seed: of everything random.
        starts: noise points to walk from.
        progress: show bars on stderr.

    Raises:
        CytoBenchError: for an unknown property, or a model that generates nothing.
    """
    whole = draw_sample(model, n + starts, seed, progress=progress)
    names = chosen_properties(wanted, whole.properties, model)
    sample, others = part_of(whole, slice(n)), part_of(whole, slice(n, None))
    at = np.linspace(-REACH, REACH, steps)
    real = _real_spreads(model, seed)
    control, _ = walk(sample, others, random_direction(whole.noise.shape[1], seed), at, seed)
    with progress_bar(len(names), "walking", "direction", shown=progress) as bar:
        walked = []
        for name in names:
            walked.append(_explored(sample, others, find(sample, name, seed), control, at, seed, real[name]))
            bar.update()
    return DirectionsReport(
        model=model.name,
        title=model.title,
        under=f"{n} generated cells to regress on, {starts} others to walk from; {model.seen}, seed {seed}; coordinates of the "
        "noise are kept within the range that it was drawn in",
        notes=_notes(model),
        steps=tuple(at),
        directions=tuple(one.report for one in walked),
    ), walked


def _notes(model: Model) -> tuple[str, ...]:
    notes = []
    if model.name.endswith("(untrained)"):
        notes.append("The model is untrained: its weights are random, and so is what its directions change.")
    if model.recipe.input.scaling == "luminance":
        notes.append("Each channel of a cell is divided by its own maximum (luminance): a content is relative to it, no amount.")
    return tuple(notes)


def part_of(sample: Sample, part: slice) -> Sample:
    """Some of the cells of a sample."""
    arrays = {name: getattr(sample.anatomy, name)[part] for name in ARRAYS}
    return Sample(sample.model, sample.noise[part], sample.rows[part], Anatomy(sample.anatomy.channels, **arrays))


def walk(sample: Sample, starts: Sample, vector: np.ndarray, at: np.ndarray, seed: int) -> tuple[dict[str, Walk], np.ndarray]:
    """Go along a unit vector (Z,) from every start: the walk as each property sees it, and the first cells on the way."""
    steps = at[:, None] * sample.spread(vector) * vector
    low, high = sample.noise.min(axis=0), sample.noise.max(axis=0)  # uniform noise ends somewhere: nothing was learnt beyond
    noise = np.clip(starts.noise[:, None] + steps, low, high)
    rows = starts.rows.repeat(len(at))
    images = sample.model.generate(noise.reshape(-1, noise.shape[-1]).astype(np.float32), rows)
    anatomy, shape = measure_anatomy(images, sample.model.channels), noise.shape[:2]
    found, spreads = anatomy.found.reshape(shape), sample.anatomy.spreads
    values = {name: np.where(found, each.reshape(shape), np.nan) for name, each in anatomy.properties.items()}
    effects = tuple(Effect(property=name, change=mean_slope(each / spreads[name], at, seed)) for name, each in values.items())
    lost = tuple((1 - found.mean(axis=0)).tolist())
    walks = {name: Walk(curve=mean_curve(each, seed), effects=effects, without_nucleus=lost) for name, each in values.items()}
    return walks, images.reshape(*shape, *images.shape[1:])[:SHOWN]


def _real_spreads(model: Model, seed: int) -> dict[str, float]:
    """How varied each property is in cells of the store."""
    rows = np.random.default_rng([seed, 4]).permutation(len(model.store))[:COMPARED]
    return measure_anatomy(model.real(rows), model.channels).spreads


def _explored(
    sample: Sample, starts: Sample, direction: Direction, control: dict[str, Walk], at: np.ndarray, seed: int, real: float
) -> Walked:
    name, r2 = direction.name, direction.r2
    ratio = sample.anatomy.spreads[name] / real
    variety = float(ratio) if np.isfinite(ratio) else None
    if not direction.vector.any():
        why = r2.reason or "the regression finds that it does not depend on the noise"
        report = DirectionReport(
            property=name,
            unit=UNITS[name],
            r2=r2,
            variety=variety,
            found=False,
            verdict=f"no direction: {why}",
            spread=None,
            walk=None,
            random=None,
        )
        return Walked(direction, report, None)
    walks, images = walk(sample, starts, direction.vector, at, seed)
    told = (
        "a direction"
        if direction.found
        else "no direction: noise left out of the regression is not shown to be predicted better than by the mean"
    )
    report = DirectionReport(
        property=name,
        unit=UNITS[name],
        r2=r2,
        variety=variety,
        found=direction.found,
        verdict=told,
        spread=sample.spread(direction.vector),
        walk=walks[name],
        random=control[name],
    )
    return Walked(direction, report, images)
