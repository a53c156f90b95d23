"""Features made comparable: a network's stay as they are, measurements, which have units of their own, are standardised."""

from __future__ import annotations

import numpy as np

from cytobench.errors import CytoBenchError


class FeatureScale:
    """The scale of the features of real cells.

    Args:
        real: (n, D) features of all real cells that are compared; a feature that is not finite in each is dropped.
        learned: whether they are a network's, which are otherwise left alone.
        constant: a measurement is dropped where its standard deviation is at most this part of its mean absolute value.
        clip: standard deviations beyond which a measurement is cut.
        of: the rows of ``real`` whose mean and standard deviation count; all by default.

    Raises:
        CytoBenchError: where no feature is left.
    """

    def __init__(self, real: np.ndarray, *, learned: bool, constant: float, clip: float, of: slice = slice(None)):
        self._learned, self._clip, width = learned, clip, real.shape[1]
        self._kept = np.isfinite(real).all(axis=0)
        chosen = np.where(self._kept, real[of], 0.0)
        self._mean, self._deviation = chosen.mean(axis=0), chosen.std(axis=0)
        if not learned:
            self._kept &= self._deviation > constant * np.abs(chosen).mean(axis=0)
        self.dropped = width - int(self._kept.sum())
        """Features that were left out."""
        if self.dropped == width:
            raise CytoBenchError(f"none of {width} features is finite in all cells and varies; name another feature space")

    def apply(self, values: np.ndarray) -> tuple[np.ndarray, int]:
        """Return features (n, kept) on this scale, and how many values were not finite and so became the real cells' mean."""
        kept = values[:, self._kept]
        missing = ~np.isfinite(kept)
        filled = np.where(missing, self._mean[self._kept], kept)
        if not self._learned:
            filled = ((filled - self._mean[self._kept]) / self._deviation[self._kept]).clip(-self._clip, self._clip)
        return filled, int(missing.sum())
