"""Whether it matters to a conditional model what it is told."""

from __future__ import annotations

import numpy as np

from cytobench.datasets.conditions import Conditions
from cytobench.phenotypes.model import Model
from cytobench.results.measures import Measure
from cytobench.scoring.resampling import bootstrap_weights, percentiles

MOST, OTHERS = 256, 2000
"""Generated cells that are made again, and cells of the store among which is drawn what else a model is told."""

RESAMPLES = 2000
"""Bootstrap resamples of points of noise."""

LITTLE = 0.25
"""Below it a picture of generated cells shows noise, not the treatment; a round figure chosen here."""


def change_by_told(model: Model, noise: np.ndarray, told: np.ndarray, seed: int) -> Measure:
    """Return how much the treatment told changes pixels, divided by how much other noise does.

    Each point of noise is generated as told, as told another cell's treatment, and with the next point's noise as told. The root
    mean squared differences of the pixels from the first, each averaged over the points, are divided: 0 where the treatment does
    nothing, 1 where it changes as much as noise does. With a 95% bootstrap interval over points of noise.

    Args:
        model: a conditional one.
        noise: (n, Z).
        told: (n,) rows of the store.
        seed: of the other treatments.
    """
    noise, told = noise[:MOST], told[:MOST]
    conditions, generator = Conditions(model.store, model.recipe.condition), np.random.default_rng(seed)
    pool = generator.permutation(len(model.store))[:OTHERS]
    here, there = conditions.of(told), conditions.of(pool)
    assert here is not None and there is not None  # the model is conditional
    differs = [np.flatnonzero((there != one).any(axis=1)) for one in here]
    if len(noise) < 2 or not all(map(len, differs)):
        return Measure(value=None, n=len(noise), reason="it takes two cells or more, and two treatments")
    others = pool[[generator.choice(one) for one in differs]]
    made = model.generate(noise, told)
    by_told, by_noise = (
        np.sqrt(np.square(made - other).mean(axis=(1, 2, 3), dtype=np.float64))
        for other in (model.generate(noise, others), model.generate(np.roll(noise, 1, axis=0), told))
    )
    if not by_noise.any():
        return Measure(value=None, n=len(noise), reason="all noise gives one image")
    weights = bootstrap_weights(len(noise), RESAMPLES, 0)
    totals = weights @ by_noise
    interval = percentiles((weights @ by_told)[totals > 0] / totals[totals > 0])
    return Measure.of(float(by_told.mean() / by_noise.mean()), interval, len(noise))


def told_text(change: Measure) -> str:
    """Say how much it matters what a model was told."""
    if change.value is None:
        return f"Not known how much the treatment told matters: {change.reason}."
    within = "" if change.low is None else f" [{change.low:.2g}, {change.high:.2g}]"
    little = f" (below {LITTLE}: what these cells show is hardly the treatment)" if change.value < LITTLE else ""
    return f"The treatment told changes pixels {change.value:.2g}{within} times as much as other noise does{little}."
