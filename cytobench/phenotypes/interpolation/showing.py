"""The three things that ``cytobench interpolate`` does: each makes, measures and writes, and returns what it made."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.features import feature_space, first_space
from cytobench.phenotypes.interpolation import paths
from cytobench.phenotypes.interpolation.codes import TraversalRecord, traverse_codes
from cytobench.phenotypes.interpolation.doses import DosesRecord, dose_series
from cytobench.phenotypes.interpolation.files import InterpolationRecord, write_doses, write_interpolation, write_traversal
from cytobench.phenotypes.interpolation.interpolation import interpolate
from cytobench.phenotypes.interpolation.smoothness import measure_smoothness
from cytobench.phenotypes.model import Model


def show_paths(
    model: Model,
    cohorts: Cohorts,
    folder: Path,
    *,
    space: paths.Space | None = None,
    path: paths.Path | Literal["both"] = "both",
    start: str | None = None,
    end: str | None = None,
    pairs: int = 6,
    compared: int = 64,
    steps: int = 9,
    features: str | None = None,
    seed: int = 0,
) -> InterpolationRecord:
    """Draw ``pairs`` paths from cell to cell and measure ``compared``, all else as ``interpolate`` takes it.

    ``features`` is the ``METHOD:RECIPE`` of the feature space of the measures, the first at hand where None.
    """
    made = interpolate(
        model, cohorts, space=space, path=path, start=start, end=end, pairs=max(pairs, compared), steps=steps, seed=seed
    )
    if not compared:
        return write_interpolation(made, None, folder, pairs)
    seen = (model.channels, model.size, model.device.type)
    chosen = feature_space(features, *seen) if features else first_space(*seen)
    return write_interpolation(made, measure_smoothness(made, chosen), folder, pairs)


def show_codes(model: Model, folder: Path, *, pairs: int = 6, steps: int = 9, seed: int = 0) -> TraversalRecord:
    """Draw what each code of InfoGAN changes at ``pairs`` points of noise: see ``traverse_codes``."""
    return write_traversal(traverse_codes(model, pairs, steps, seed), folder)


def show_doses(model: Model, cohorts: Cohorts, folder: Path, compound: str, *, seed: int = 0) -> DosesRecord:
    """Draw a compound's rising concentrations: see ``dose_series``."""
    return write_doses(dose_series(model, cohorts, compound, seed), folder)
