"""Post-processings that the literature used and the protocol's panel does not hold; to explore with, never a protocol's score.

    percentile-plate      per plate, the control wells' 1st percentile to 0 and 99th to 1 (Ljosa et al. 2013)
    robust-standardize    median and scaled median absolute deviation of all control wells (pycytominer's mad_robustize)
    factor-analysis-K     standardize, then K factors of the control wells (Ljosa et al. 2013, with K = 50)

No entry sees a label: all that is fitted is fitted on control wells. Ljosa et al. (2013, doi:10.1177/1087057113503553) scaled
and fitted single cells; here, as in the panel, wells are what is scaled and fitted.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.decomposition import FactorAnalysis
from sklearn.exceptions import ConvergenceWarning

from cytobench.errors import CytoBenchError
from cytobench.profiling import postprocess
from cytobench.profiling.postprocess import NotAvailableError, Panel, PostProcessed

PATTERN = re.compile(rf"percentile-plate|robust-standardize|factor-analysis-([1-9][0-9]{{0,5}})|{postprocess.PATTERN.pattern}")
"""The names that may be explored: the panel's, too."""

NAMES = f"percentile-plate, robust-standardize, factor-analysis-K with a whole number K above 0, {postprocess.NAMES}"
"""The same for a reader."""

PERCENTILES = (1.0, 99.0)
"""Ljosa et al. 2013; with few control wells on a plate they are nearly its least and largest value."""

NORMAL_CONSISTENT = 1.4826
"""Times the median absolute deviation is the standard deviation of a normal distribution."""

CONVERGED = 1e-3
"""Factor analysis ends where an iteration adds less than this to the log-likelihood of a control well."""


class Explorations:
    """More post-processings of the wells of a :class:`Panel`, by the same interface.

    Args:
        panel: knows the wells, and which of them are controls.
    """

    def __init__(self, panel: Panel):
        self._panel = panel
        self._scalings: dict[str, Callable[[], PostProcessed]] = {
            "percentile-plate": lambda: panel.scale_by_plate(percentile_range),
            "robust-standardize": lambda: panel.scale_everywhere(median_and_deviation),
        }

    def apply(self, name: str) -> PostProcessed:
        """Return the profiles after ``name``; :class:`NotAvailableError` says why where they cannot be made."""
        matched = PATTERN.fullmatch(name)
        if not matched:
            raise CytoBenchError(f"there is no post-processing {name!r}; the names are {NAMES}")
        if name in self._scalings:
            return self._scalings[name]()
        return self._factors(int(matched[1])) if matched[1] else self._panel.apply(name)

    def _factors(self, factors: int) -> PostProcessed:
        scaled, control = self._panel.apply("standardize"), self._panel.control
        most = min(int(control.sum()), scaled.values.shape[1])
        if factors >= most:
            raise NotAvailableError(
                f"{factors} factors need more control wells and more features than that; there are {int(control.sum())} "
                f"control wells and {scaled.values.shape[1]} features"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            analysis = FactorAnalysis(factors, tol=CONVERGED * control.sum(), svd_method="lapack")
            try:
                analysis.fit(scaled.values[control])
            except ConvergenceWarning:
                raise NotAvailableError(f"the analysis of {factors} factors has not converged") from None
        return PostProcessed(analysis.transform(scaled.values), scaled.dropped)


def percentile_range(controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower percentile of each feature, and the distance from it to the upper one."""
    low, high = np.percentile(controls, PERCENTILES, axis=0)
    return low, high - low


def median_and_deviation(controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The median of each feature, and its median absolute deviation scaled to a normal distribution's standard deviation."""
    median = np.median(controls, axis=0)
    return median, NORMAL_CONSISTENT * np.median(np.abs(controls - median), axis=0)
