"""What scoring costs, side by side with the plain way of doing the same.

    python -m pytest benchmarks/performance --benchmark-enable --benchmark-columns=min,median,rounds

Quote the ratio of the medians inside a group, never a time.
"""

import numpy as np
import pandas as pd
import pytest
from copairs.map import average_precision as copairs_average_precision
from pycytominer.operations import Spherize

from cytobench import registry
from cytobench.datasets.opening import open_dataset
from cytobench.datasets.profiles import feature_columns
from cytobench.errors import CytoBenchError
from cytobench.profiling.covariance import Covariance
from cytobench.scoring.moa import cosine_similarity, not_same_compound
from cytobench.scoring.retrieval import average_precision
from cytobench.scoring.uncertainty import CompoundBootstrap


@pytest.fixture(scope="module")
def ljosa() -> pd.DataFrame:
    """632 wells x 516 features."""
    try:
        return open_dataset("ljosa2013").wells()
    except CytoBenchError as error:
        pytest.skip(str(error))


@pytest.mark.benchmark(group="whole panel with intervals, Ljosa table")
def test_whole_panel(benchmark, ljosa):
    """13 post-processings, five scores each, 1,000 bootstrap samples each."""
    protocol = registry.benchmark("bbbc021-moa")
    assert len(benchmark(protocol.score, ljosa).panel) == 13


COMPOUNDS = np.repeat(np.arange(38), np.r_[np.full(27, 3), np.full(11, 2)])
CORRECT = np.random.default_rng(0).integers(0, 2, 103).astype(float)


@pytest.mark.benchmark(group="interval of one score, 1,000 samples of 38 compounds")
def test_interval(benchmark):
    estimate = benchmark(lambda: CompoundBootstrap(COMPOUNDS, samples=1000, level=0.95, seed=0).estimate(CORRECT))
    assert (estimate.low, estimate.high) == pytest.approx(plain_interval())


@pytest.mark.benchmark(group="interval of one score, 1,000 samples of 38 compounds")
def test_interval_plainly(benchmark):
    low, high = benchmark(plain_interval)
    assert low < CORRECT.mean() < high


def plain_interval() -> tuple[float, float]:
    """A loop over samples that gathers the treatments of the compounds drawn."""
    members = [CORRECT[compound == COMPOUNDS] for compound in range(38)]
    draws = np.random.default_rng(0).multinomial(38, np.full(38, 1 / 38), size=1000)
    means = [np.concatenate([np.tile(members[c], k) for c, k in enumerate(draw)]).mean() for draw in draws]
    return tuple(np.quantile(means, [0.025, 0.975]))


@pytest.mark.benchmark(group="MOA mAP of 302 wells")
def test_map(benchmark, ljosa):
    wells, profiles, moas = labelled(ljosa)
    compounds = wells["Metadata_Compound"].to_numpy()
    same = np.equal.outer(moas, moas)
    result = benchmark(lambda: average_precision(cosine_similarity(profiles), same & not_same_compound(compounds), ~same))
    theirs = with_copairs(wells, profiles, moas)
    np.testing.assert_allclose(result, theirs, atol=1e-4)


@pytest.mark.benchmark(group="MOA mAP of 302 wells")
def test_map_with_copairs(benchmark, ljosa):
    assert np.isfinite(benchmark(with_copairs, *labelled(ljosa))).all()


def labelled(ljosa: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The treated wells, their features (scaled, since copairs works in float32) and their MOAs."""
    moa_of = {treatment.compound: treatment.moa for treatment in registry.benchmark("bbbc021-moa").treatments.values()}
    wells = ljosa[ljosa["Metadata_Compound"].isin(list(moa_of))].reset_index(drop=True)
    values = wells[feature_columns(wells)].to_numpy(float)
    return wells, (values - values.mean(0)) / values.std(0), wells["Metadata_Compound"].map(moa_of).to_numpy(str)


def with_copairs(wells: pd.DataFrame, profiles: np.ndarray, moas: np.ndarray) -> np.ndarray:
    meta = wells[["Metadata_Compound"]].assign(Metadata_MOA=moas)
    found = copairs_average_precision(
        meta, profiles.astype(np.float32), ["Metadata_MOA"], ["Metadata_Compound"], [], ["Metadata_MOA"], progress_bar=False
    )
    return found["average_precision"].to_numpy()


ROWS = np.random.default_rng(0).normal(size=(632, 516)) @ np.random.default_rng(1).normal(size=(516, 516))


@pytest.mark.benchmark(group="sphering of 632 x 516")
def test_sphering(benchmark):
    white = benchmark(lambda: Covariance(ROWS).power(ROWS - ROWS.mean(0), -0.5, 0.0))
    np.testing.assert_allclose(np.cov(white, rowvar=False), np.eye(516), atol=1e-6)


@pytest.mark.benchmark(group="sphering of 632 x 516")
def test_sphering_with_pycytominer(benchmark):
    table = pd.DataFrame(ROWS)
    white = benchmark(lambda: Spherize(method="ZCA", epsilon=1e-12).fit(table).transform(table))
    np.testing.assert_allclose(np.cov(white, rowvar=False), np.eye(516), atol=1e-6)
