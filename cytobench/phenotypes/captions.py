"""What stands below a picture of a model's cells."""

from __future__ import annotations

import numpy as np

from cytobench.phenotypes import pictures
from cytobench.phenotypes.model import Model

UNTRAINED, NEVER = "untrained: random weights", " (untrained)"
"""What is said of a model that was never trained, and how its name ends."""


def caption(model: Model, zoom: int) -> str:
    """Colours, display scaling and scale of a picture of a model's cells, and whether the model knows anything."""
    pixels = f"each pixel drawn {zoom} x {zoom}" if zoom > 1 else "pixel for pixel"
    return f"{pictures.legend(model.channels)}; {pictures.SCALING}. Input: {model.seen}, {pixels}.{untrained(model)}"


def untrained(model: Model) -> str:
    """Say of a model that was never trained that it was not; nothing of others."""
    return f" {model.name}: random weights." if is_untrained(model.name) else ""


def is_untrained(name: str) -> bool:
    """Whether the weights of a model of this name are random."""
    return name.endswith(NEVER)


def flagged(model: Model, rows: np.ndarray) -> int | None:
    """How many of these cells the store's table flags as pictures of noise; None where it has no flags."""
    flags = model.store.cells.get("flagged")
    return None if flags is None else int(np.asarray(flags, bool)[rows].sum())


def flagged_text(model: Model, rows: np.ndarray) -> str:
    """Say how many of the cells shown are flagged, where any is: they may look white, or like no cell."""
    count = flagged(model, rows)
    return f" The data set flags {count} of the {len(rows)} {model.kind} cells shown as noise." if count else ""
