"""The post-processing panel: the same for every method, so that methods are compared under equal treatment.

    raw            nothing
    zscore-plate   per plate, the control wells' mean and standard deviation (ddof 1)
    standardize    the same over all control wells
    sphering-L     standardize, then ZCA-whiten with the control wells' covariance (ddof 1) + L I
    sphering-lw    the same with the Ledoit-Wolf shrunk covariance: nothing to choose
    tvn-L          typical variation normalisation (Ando et al. 2017) with CORAL per batch (Sun et al. 2016), ridge L

No entry sees a label: all that is fitted is fitted on control wells.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.profiling.covariance import Covariance

NUMBER = r"(?=[0.]*[1-9])(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,16})?(?:e-?[0-9]{1,2})?"
"""A number above 0, as 0.01, 1 or 1e-06."""

PATTERN = re.compile(rf"raw|zscore-plate|standardize|sphering-(lw|{NUMBER})|tvn-({NUMBER})")
"""The names a protocol's panel may hold."""

NAMES = "raw, zscore-plate, standardize, sphering-lw, and sphering-L and tvn-L with a number L above 0, as 0.01 or 1e-06"
"""The same for a reader."""

ROUNDING = 1e-9
"""A difference smaller than this part of its operands is rounding, and set to zero; float32 embeddings resolve 1e-7."""


Scale = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From the control wells of a group, (n, D), what is subtracted from its wells and what they are then divided by, (D,) each."""


class NotAvailableError(Exception):
    """Too little to estimate from; the text is the reason shown beside the panel entry."""


@dataclass(frozen=True)
class PostProcessed:
    """Well profiles after one entry of the panel."""

    values: np.ndarray
    """(wells, D') float64."""
    dropped: int
    """Features dropped as constant."""


class Panel:
    """The panel over one table of wells.

    Args:
        values: (wells, D) finite float64 profiles.
        control: (wells,) bool, the control (DMSO) wells.
        plates: (wells,) plate names.
        batches: (wells,) batch names (BBBC021: weeks).
        minimum_controls: control wells that each group must have for a scale or covariance to be estimated.
        constant: a feature whose standard deviation is at most this part of its mean absolute value is dropped.
    """

    def __init__(
        self,
        values: np.ndarray,
        control: np.ndarray,
        plates: np.ndarray,
        batches: np.ndarray,
        *,
        minimum_controls: int = 4,
        constant: float = 1e-6,
    ):
        self.values, self.control, self.plates, self.batches = values, control, plates, batches
        self.minimum_controls, self.constant = minimum_controls, constant

    def apply(self, name: str) -> PostProcessed:
        """Return the profiles after the panel entry ``name``; :class:`NotAvailableError` says why where there is none."""
        if not PATTERN.fullmatch(name):
            raise CytoBenchError(f"there is no post-processing {name!r}; the names are {NAMES}")
        if name == "raw":
            return PostProcessed(self.values, 0)
        if name == "zscore-plate":
            return self.scale_by_plate(mean_and_deviation)
        scaled = self._standardized
        if name == "standardize":
            return scaled
        family, _, ridge = name.partition("-")
        if family == "tvn":
            return PostProcessed(self._tvn(float(ridge)), scaled.dropped)
        covariance = self._shrunk if ridge == "lw" else self._covariance
        return PostProcessed(covariance.power(scaled.values, -0.5, 0.0 if ridge == "lw" else float(ridge)), scaled.dropped)

    @cached_property
    def _standardized(self) -> PostProcessed:
        return self.scale_everywhere(mean_and_deviation)

    def scale_everywhere(self, scale: Scale) -> PostProcessed:
        """Scale all wells by what ``scale`` finds in all control wells."""
        return self._scale_by(np.zeros(len(self.values), int), ["the whole data set"], scale)

    def scale_by_plate(self, scale: Scale) -> PostProcessed:
        """Scale the wells of each plate by what ``scale`` finds in its control wells."""
        names, owner = np.unique(self.plates, return_inverse=True)
        return self._scale_by(owner, [f"plate {name}" for name in names], scale)

    def _scale_by(self, owner: np.ndarray, names: list[str], scale: Scale) -> PostProcessed:
        """Scale the wells within each group, without the features that are constant over the control wells of any."""
        self._require_controls(owner, names)
        centres, sizes, kept = [], [], np.ones(self.values.shape[1], bool)
        for group in range(len(names)):
            rows = self.values[self.control & (owner == group)]
            centre, size = scale(rows)
            centres.append(centre)
            sizes.append(size)
            kept &= size > self.constant * np.abs(rows).mean(axis=0)
        if not kept.any():
            raise NotAvailableError("every feature is constant over the control wells")
        centre, size = np.array(centres)[owner][:, kept], np.array(sizes)[owner][:, kept]
        return PostProcessed((self.values[:, kept] - centre) / size, int((~kept).sum()))

    @cached_property
    def _covariance(self) -> Covariance:
        return Covariance(self._standardized.values[self.control])

    @cached_property
    def _shrunk(self) -> Covariance:
        return Covariance(self._standardized.values[self.control], shrink=True)

    def _tvn(self, ridge: float) -> np.ndarray:
        names, owner = np.unique(self.batches, return_inverse=True)
        self._require_controls(owner, [f"batch {name}" for name in names])
        white = self._covariance.power(self._standardized.values, -0.5, ridge)
        target = Covariance(white[self.control])
        aligned = np.empty_like(white)
        for group in range(len(names)):
            rows = owner == group
            controls = white[rows & self.control]
            centred = _subtract(white[rows], controls.mean(axis=0))
            aligned[rows] = target.power(Covariance(controls).power(centred, -0.5, ridge), 0.5, ridge)
        return aligned

    def _require_controls(self, owner: np.ndarray, names: list[str]) -> None:
        counts = np.bincount(owner[self.control], minlength=len(names))
        few = np.flatnonzero(counts < self.minimum_controls)
        if len(few):
            more = f", and {len(few) - 1} more are short" if len(few) > 1 else ""
            wells = f"{counts[few[0]]} control well{'' if counts[few[0]] == 1 else 's'}"
            raise NotAvailableError(f"{names[few[0]]} has {wells}, fewer than {self.minimum_controls}{more}")


def mean_and_deviation(controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation (ddof 1) of each feature."""
    return controls.mean(axis=0), controls.std(axis=0, ddof=1)


def _subtract(values: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """``values - mean`` without the rounding residue that a later division would blow up."""
    difference = values - mean
    difference[np.abs(difference) <= ROUNDING * (np.abs(values) + np.abs(mean))] = 0.0
    return difference
