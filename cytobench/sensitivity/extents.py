"""How far a score moves over many settings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cytobench.sensitivity.declaration import Metric, Setting
from cytobench.sensitivity.record import Extent, Point

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the range."""


def extent(metric: Metric, settings: Sequence[Setting], found: dict[Setting, Point]) -> Extent | None:
    """The range of a score over settings; of equal ends that with the fewest changes from the reference is named."""
    known = [setting for setting in settings if getattr(found[setting], metric) is not None]
    if not known:
        return None
    values = np.array([getattr(found[setting], metric).value for setting in known])
    changes = [found[setting].changed for setting in known]
    nearest = np.argsort([len(changed) for changed in changes], kind="stable")
    return Extent(
        metric=metric,
        settings=len(known),
        unavailable=len(settings) - len(known),
        low=float(values.min()),
        high=float(values.max()),
        quantiles={f"{level:.0%}": float(np.quantile(values, level)) for level in QUANTILES},
        at_low=changes[nearest[int(np.argmin(values[nearest]))]],
        at_high=changes[nearest[int(np.argmax(values[nearest]))]],
    )
