"""What whitening and retrieval cost, side by side with pycytominer and copairs on the same values.

    python -m pytest benchmarks/performance/test_profiles.py --benchmark-enable --benchmark-columns=min,median,rounds

Quote a ratio inside a group, never a time.
"""

import numpy as np
import pandas as pd
import pytest
from copairs.map import average_precision as copairs_average_precision
from pycytominer.operations import Spherize

from cytobench.profiling.covariance import Covariance
from cytobench.profiling.selection import select_features
from cytobench.scoring.moa import cosine_similarity, not_same_compound
from cytobench.scoring.retrieval import average_precision

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(8_000, 100)) @ GENERATOR.normal(size=(100, 100)) + 3


@pytest.mark.benchmark(group="sphering of 8,000 x 100")
def test_sphering(benchmark):
    white = benchmark.pedantic(lambda: Covariance(ROWS).power(ROWS - ROWS.mean(0), -0.5, 0.0), rounds=20, warmup_rounds=2)
    np.testing.assert_allclose(white, by_formula(), rtol=1e-7, atol=1e-8)


@pytest.mark.benchmark(group="sphering of 8,000 x 100")
def test_sphering_with_pycytominer(benchmark):
    table = pd.DataFrame(ROWS)
    white = benchmark.pedantic(lambda: Spherize(method="ZCA", epsilon=1e-12).fit(table).transform(table), rounds=2)
    np.testing.assert_allclose(white, by_formula(), rtol=1e-7, atol=1e-8)


def by_formula() -> np.ndarray:
    """Both must be this."""
    eigenvalues, vectors = np.linalg.eigh(np.cov(ROWS, rowvar=False))
    return (ROWS - ROWS.mean(0)) @ (vectors / np.sqrt(eigenvalues)) @ vectors.T


TREATMENT = np.arange(906) // 3
COMPOUND = TREATMENT // 4
MOA, WEEK, PLATE = COMPOUND % 12, COMPOUND % 10, np.arange(906) % 3
META = pd.DataFrame({"treatment": TREATMENT, "compound": COMPOUND, "moa": MOA, "week": WEEK, "plate": PLATE})
"""906 wells: 302 treatments on three plates each, four treatments a compound, twelve MOAs, ten weeks."""

HIDDEN = GENERATOR.normal(size=(12, 8))[MOA] + GENERATOR.normal(size=(302, 8))[TREATMENT] + 0.5 * GENERATOR.normal(size=(906, 8))
PROFILES = (HIDDEN @ GENERATOR.normal(size=(8, 1_024))).astype(np.float32)
"""906 x 1,024 of eight hidden features, so that similarities lie far enough apart for copairs, which has them in float32."""

PAIRS = {
    "MOA": (np.equal.outer(MOA, MOA) & not_same_compound(COMPOUND), np.not_equal.outer(MOA, MOA)),
    "replicate": (
        np.equal.outer(TREATMENT, TREATMENT) & np.not_equal.outer(PLATE, PLATE),
        not_same_compound(COMPOUND) & np.equal.outer(WEEK, WEEK),
    ),
}
"""Positives and negatives as the protocol has them."""

RULES = {
    "MOA": (["moa"], ["compound"], [], ["moa"]),
    "replicate": (["treatment"], ["plate"], ["week"], ["compound"]),
}
"""The same pairs in the words of copairs."""


def ours(kind: str) -> np.ndarray:
    return average_precision(cosine_similarity(PROFILES.astype(np.float64)), *PAIRS[kind])


@pytest.mark.benchmark(group="mAP of 906 x 1,024")
@pytest.mark.parametrize("kind", PAIRS)
def test_map(benchmark, kind):
    found, theirs = benchmark.pedantic(ours, args=(kind,), rounds=20, warmup_rounds=2), with_copairs(kind)
    clear = clearly_ranked(*PAIRS[kind])
    assert clear.mean() > 0.8
    np.testing.assert_allclose(found[clear], theirs[clear], rtol=1e-9)
    np.testing.assert_allclose(found, theirs, atol=1e-3)


@pytest.mark.benchmark(group="mAP of 906 x 1,024")
@pytest.mark.parametrize("kind", PAIRS)
def test_map_with_copairs(benchmark, kind):
    assert np.isfinite(benchmark.pedantic(with_copairs, args=(kind,), rounds=5, warmup_rounds=1)).all()


def with_copairs(kind: str) -> np.ndarray:
    return copairs_average_precision(META, PROFILES, *RULES[kind], progress_bar=False)["average_precision"].to_numpy()


def clearly_ranked(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """The queries none of whose positives is so near a negative in similarity that float32 could rank them otherwise."""
    similarity = cosine_similarity(PROFILES.astype(np.float64))
    apart = [
        np.abs(np.subtract.outer(row[yes], row[no])).min() for row, yes, no in zip(similarity, positives, negatives, strict=True)
    ]
    return np.array(apart) > 1e-6


@pytest.mark.benchmark(group="feature selection of 906 x 1,024")
def test_selection(benchmark):
    """All four operations where every pair of features correlates, the worst case of pycytominer."""
    values = GENERATOR.normal(size=(906, 1)) + 0.1 * GENERATOR.normal(size=(906, 1_024))
    table = pd.DataFrame(values, columns=[f"Cells_{number}" for number in range(1_024)])
    operations = ["drop_na_columns", "variance_threshold", "blocklist", "correlation_threshold"]
    assert len(benchmark(select_features, table, operations)) == 1
