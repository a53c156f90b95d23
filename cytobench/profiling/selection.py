"""Feature selection as pycytominer does it, from the features alone: no label and no score is looked at.

Each operation sees the features that the operations before it have left. None depends on the units of a feature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from cytobench.datasets.profiles import feature_columns
from cytobench.errors import CytoBenchError, nearest

SMALLEST_VARIANCE = 1e-6
"""A feature is constant where its variance is at most this part of its squared mean absolute value (pycytominer's default
number, which there is an absolute one)."""

LARGEST_CORRELATION = 0.9
"""Of two features with a larger Pearson correlation one is left out (pycytominer's default)."""

LARGEST_MISSING = 0.05
"""A feature that is missing in a larger part of the profiles is left out (pycytominer's default)."""


def select_features(profiles: pd.DataFrame, operations: Sequence[str]) -> list[str]:
    """Return the names of the features that are left after ``operations``, in the order of the table.

    Args:
        profiles: one row a well; only its feature columns are looked at.
        operations: of ``drop_na_columns``, ``variance_threshold``, ``blocklist`` (features of CellProfiler that are known to
            be noisy or unreliable, by name) and ``correlation_threshold``, in the order in which they are to act.

    Raises:
        CytoBenchError: where there is no such operation, pycytominer is not installed, or no feature is left.
    """
    for name in operations:
        if name not in OPERATIONS:
            raise CytoBenchError(
                f"there is no feature selection {name!r}, only {', '.join(OPERATIONS)}{nearest(name, OPERATIONS)}"
            )
    _require_pycytominer()
    features = profiles[feature_columns(profiles)]
    for name in operations:
        excluded = set(OPERATIONS[name](features))
        features = features[[column for column in features if column not in excluded]]
        if features.shape[1] == 0:
            raise CytoBenchError(f"no feature is left after {name!r}; leave this feature selection out")
    return list(features.columns)


def _missing(features: pd.DataFrame) -> list[str]:
    from pycytominer.operations import get_na_columns

    return list(get_na_columns(features, list(features.columns), cutoff=LARGEST_MISSING))


def _constant(features: pd.DataFrame) -> list[str]:
    from pycytominer.operations import variance_threshold

    size = features.abs().mean()
    scaled = features / size.where(size > 0, 1.0)
    if not (scaled.var(ddof=0) > SMALLEST_VARIANCE).any():  # scikit-learn refuses to leave nothing
        return list(features.columns)
    return list(variance_threshold(scaled, list(features.columns), min_variance=SMALLEST_VARIANCE))


def _blocked(features: pd.DataFrame) -> list[str]:
    from pycytominer.cyto_utils import get_blocklist_features

    return list(get_blocklist_features(population_df=features))


def _redundant(features: pd.DataFrame) -> list[str]:
    """Pycytominer's ``correlation_threshold``, which visits the pairs one by one and so takes minutes for 1,000 like features.

    Of a pair with a larger correlation (not its absolute value) the feature goes whose absolute correlations with all
    features have the larger sum.
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # a constant feature correlates with none
        complete = np.isfinite(features.to_numpy()).all()
        correlation = np.corrcoef(features.T) if complete else features.corr().to_numpy()
    correlation = np.atleast_2d(correlation)
    table = pd.DataFrame(correlation, index=features.columns, columns=features.columns)
    order = table.abs().sum().sort_values().index
    rank = order.get_indexer(features.columns)
    alike = np.tril(correlation > LARGEST_CORRELATION, k=-1)
    goes = np.asarray(((alike | alike.T) & (rank[:, None] > rank[None, :])).any(axis=1))
    return list(features.columns[goes])


OPERATIONS: dict[str, Callable[[pd.DataFrame], list[str]]] = {
    "drop_na_columns": _missing,
    "variance_threshold": _constant,
    "blocklist": _blocked,
    "correlation_threshold": _redundant,
}
"""What may be selected by, under pycytominer's names."""


def _require_pycytominer() -> None:
    try:
        import pycytominer  # noqa: F401
    except ImportError:
        raise CytoBenchError(
            "feature selection needs pycytominer, which is not installed; pip install 'cytobench[selection]'"
        ) from None
