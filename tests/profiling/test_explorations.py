"""Post-processings beside the protocol against scikit-learn, pycytominer and the formulas, on random and on real profiles."""

import re

import numpy as np
import pandas as pd
import pytest
from pycytominer.operations.transform import RobustMAD
from sklearn.decomposition import FactorAnalysis
from sklearn.preprocessing import MinMaxScaler

import cytobench
from cytobench import registry
from cytobench.datasets.profiles import batch_of, feature_columns
from cytobench.errors import CytoBenchError
from cytobench.profiling.explorations import PATTERN, Explorations
from cytobench.profiling.postprocess import NotAvailableError, Panel
from cytobench.sensitivity.sources import declaration_of


def random_panel() -> Panel:
    """80 wells on four plates, every other one a control; ten features of three hidden factors."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(80, 3)) @ generator.normal(size=(3, 10)) + generator.normal(3, 1, (80, 10))
    plates = np.repeat(["Week1_1", "Week1_2", "Week2_1", "Week2_2"], 20).astype(object)
    return Panel(values, np.arange(80) % 2 == 0, plates, batch_of(plates))


@pytest.fixture(scope="module")
def ljosa() -> Panel:
    """632 wells x 516 features."""
    wells = cytobench.open_dataset("ljosa2013").wells()
    plates = wells["Metadata_Plate"].astype(str).to_numpy(dtype=object)
    control = (wells["Metadata_Compound"] == "DMSO").to_numpy()
    return Panel(wells[feature_columns(wells)].to_numpy(np.float64), control, plates, batch_of(plates))


@pytest.fixture(params=["random", "ljosa"])
def panel(request: pytest.FixtureRequest) -> Panel:
    if request.param == "random":
        return random_panel()
    request.getfixturevalue("data")
    return request.getfixturevalue("ljosa")


def test_percentile_plate_is_the_formula(panel):
    """Ljosa et al. 2013: on each plate the controls' 1st percentile becomes 0 and their 99th 1."""
    processed = Explorations(panel).apply("percentile-plate")
    expected = np.empty_like(panel.values)
    for plate in np.unique(panel.plates):
        rows = panel.plates == plate
        controls = pd.DataFrame(panel.values[rows & panel.control])
        low, high = controls.quantile(0.01).to_numpy(), controls.quantile(0.99).to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            expected[rows] = MinMaxScaler().fit(np.stack([low, high])).transform(panel.values[rows])
        expected[np.ix_(rows, high - low <= 1e-6 * controls.abs().mean().to_numpy())] = np.nan
    kept = ~np.isnan(expected).any(axis=0)
    assert processed.dropped == (~kept).sum()
    np.testing.assert_allclose(processed.values, expected[:, kept], rtol=1e-6, atol=1e-6)


def test_robust_standardize_is_pycytominers(panel):
    """Fitted on the same controls; features whose deviation is zero are dropped, where pycytominer divides by 1e-18."""
    processed = Explorations(panel).apply("robust-standardize")
    profiles = pd.DataFrame(panel.values)
    fitted = RobustMAD().fit(profiles[panel.control])
    kept = (fitted.mad > 1e-6 * profiles[panel.control].abs().mean()).to_numpy()
    assert processed.dropped == (~kept).sum()
    np.testing.assert_allclose(processed.values, fitted.transform(profiles).to_numpy()[:, kept], rtol=1e-9, atol=1e-12)


def formula_of_factors(scaled: np.ndarray, control: np.ndarray, factors: int) -> np.ndarray:
    """The posterior mean of the factors, E[z | x] = (I + W' Psi^-1 W)^-1 W' Psi^-1 (x - m), with W and Psi of scikit-learn."""
    fitted = FactorAnalysis(factors, tol=1e-3 * control.sum(), svd_method="lapack").fit(scaled[control])
    loadings, noise = fitted.components_.T, fitted.noise_variance_[:, None]
    within = np.eye(factors) + loadings.T @ (loadings / noise)
    return np.linalg.solve(within, ((scaled - scaled[control].mean(0)) @ (loadings / noise)).T).T


@pytest.mark.parametrize("factors", [1, 3])
def test_factor_analysis_is_scikit_learns(factors):
    panel = random_panel()
    scaled = panel.apply("standardize")
    processed = Explorations(panel).apply(f"factor-analysis-{factors}")
    assert processed.values.shape == (80, factors)
    expected = formula_of_factors(scaled.values, panel.control, factors)
    np.testing.assert_allclose(processed.values, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_fifty_factors_of_ljosa_are_scikit_learns(ljosa):
    scaled = ljosa.apply("standardize").values
    processed = Explorations(ljosa).apply("factor-analysis-50")
    assert processed.values.shape == (632, 50)
    expected = formula_of_factors(scaled, ljosa.control, 50)
    np.testing.assert_allclose(processed.values, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_factors_are_fitted_on_controls_only():
    panel, changed = random_panel(), random_panel()
    changed.values[1] *= 100
    before, after = (Explorations(one).apply("factor-analysis-3").values for one in (panel, changed))
    assert np.array_equal(np.delete(before, 1, axis=0), np.delete(after, 1, axis=0))
    assert not np.array_equal(before[1], after[1])


@pytest.mark.parametrize(
    "name", ["raw", "zscore-plate", "standardize", "sphering-0.1", "sphering-lw", "sphering-1e-06", "tvn-1", "tvn-2.5"]
)
def test_the_panels_own_names_are_the_panels(name):
    panel = random_panel()
    ours, theirs = Explorations(panel).apply(name), panel.apply(name)
    assert ours.dropped == theirs.dropped
    assert np.array_equal(ours.values, theirs.values)
    assert PATTERN.fullmatch(name)


NUMBERS = (
    ".",
    "e",
    "-1",
    "0",
    "0.0",
    "-0",
    "1e",
    "1e-",
    "",
    "0e5",
    "1.",
    ".5",
    "01",
    "1e400",
    "1e-400",
    "nan",
    "inf",
    "1_0",
    "lw2",
)
NONSENSE = [f"{family}-{number}" for family in ("sphering", "tvn") for number in NUMBERS] + [
    "tvn-lw",
    f"factor-analysis-{'9' * 5000}",
]


@pytest.mark.parametrize("name", ["percentile", "factor-analysis-0", "factor-analysis", "robust", "pca-1", *NONSENSE])
def test_an_unknown_name_is_an_error(name):
    assert PATTERN.fullmatch(name) is None
    for post in (Explorations(random_panel()), random_panel()):
        with pytest.raises(CytoBenchError, match=f"no post-processing '{re.escape(name)}'") as error:
            post.apply(name)
        assert "sphering-L and tvn-L with a number L above 0" in str(error.value)
        assert not set("[]?|(\\") & set(str(error.value).partition("the names are")[2])


def test_the_benchmarks_names_are_known():
    benchmark = registry.benchmark("bbbc021-moa")
    for name in {*benchmark.protocol.panel, *declaration_of(benchmark).postprocessings}:
        assert PATTERN.fullmatch(name), name


@pytest.mark.parametrize("factors", [10, 40, 50])
def test_more_factors_than_can_be_estimated_are_not_available(factors):
    with pytest.raises(NotAvailableError, match=f"{factors} factors need more control wells and more features"):
        Explorations(random_panel()).apply(f"factor-analysis-{factors}")


@pytest.mark.parametrize(("name", "where"), [("percentile-plate", "plate Week1_2"), ("robust-standardize", "the whole data set")])
def test_too_few_controls_is_not_available_with_the_reason(name, where):
    panel = random_panel()
    panel.control &= (panel.plates != "Week1_2") & (name == "percentile-plate")
    with pytest.raises(NotAvailableError, match=f"{where} has 0 control wells, fewer than 4"):
        Explorations(panel).apply(name)
