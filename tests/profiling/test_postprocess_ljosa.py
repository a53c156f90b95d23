"""Each entry of the panel on the profiles of Ljosa et al. 2013 against an independent implementation or the formula."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from pycytominer import normalize
from pycytominer.operations import Spherize
from scipy.linalg import fractional_matrix_power
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import StandardScaler

import cytobench
from cytobench.datasets.profiles import batch_of, feature_columns
from cytobench.profiling.postprocess import Panel


@pytest.fixture(scope="module")
def wells(data) -> pd.DataFrame:
    """632 wells x 516 features."""
    return cytobench.open_dataset("ljosa2013").wells()


@pytest.fixture(scope="module")
def panel(wells) -> Panel:
    plates = wells["Metadata_Plate"].astype(str).to_numpy(dtype=object)
    control = (wells["Metadata_Compound"] == "DMSO").to_numpy()
    return Panel(wells[feature_columns(wells)].to_numpy(np.float64), control, plates, batch_of(plates))


@pytest.fixture(scope="module")
def scaled(wells, panel) -> np.ndarray:
    """What pycytominer makes of the table: standardised on the control wells, with their ddof 1."""
    made = normalize(wells, feature_columns(wells), samples="Metadata_Compound == 'DMSO'", method="standardize")
    values = made[feature_columns(wells)].to_numpy(np.float64)
    return values / values[panel.control].std(axis=0, ddof=1)  # pycytominer divides by that of ddof 0


def symmetric(covariance: np.ndarray, power: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    eigenvalues, vectors = np.linalg.eigh(covariance)
    return (vectors * power(eigenvalues)) @ vectors.T


def cosines(values: np.ndarray) -> np.ndarray:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit @ unit.T


def test_raw_is_the_table(wells, panel):
    assert np.array_equal(panel.apply("raw").values, wells[feature_columns(wells)].to_numpy(np.float64))


def test_standardize_is_pycytominers(panel, scaled):
    processed = panel.apply("standardize")
    assert processed.dropped == 0
    np.testing.assert_allclose(processed.values, scaled, rtol=1e-9, atol=1e-9)


def test_zscore_plate_is_scikit_learn_by_plate(panel):
    """Its ddof is 0; six controls a plate make that a factor of sqrt(5 / 6)."""
    expected, constant = np.zeros_like(panel.values), np.zeros(panel.values.shape[1], bool)
    for plate in np.unique(panel.plates):
        rows = panel.plates == plate
        controls = panel.values[rows & panel.control]
        assert len(controls) == 6
        expected[rows] = StandardScaler().fit(controls).transform(panel.values[rows]) * np.sqrt(5 / 6)
        constant |= controls.std(axis=0, ddof=1) <= 1e-6 * np.abs(controls).mean(axis=0)
    processed = panel.apply("zscore-plate")
    assert processed.dropped == constant.sum() > 0
    np.testing.assert_allclose(processed.values, expected[:, ~constant], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("ridge", ["0.001", "0.1", "10"])
def test_sphering_is_the_matrix_power(panel, scaled, ridge):
    covariance = np.cov(scaled[panel.control], rowvar=False) + float(ridge) * np.eye(scaled.shape[1])
    expected = scaled @ symmetric(covariance, lambda s: s**-0.5)
    np.testing.assert_allclose(panel.apply(f"sphering-{ridge}").values, expected, rtol=1e-6, atol=1e-7)


def test_sphering_1e_06_has_the_cosines_of_the_matrix_power(panel, scaled):
    covariance = np.cov(scaled[panel.control], rowvar=False) + 1e-6 * np.eye(scaled.shape[1])
    expected = scaled @ symmetric(covariance, lambda s: s**-0.5)
    np.testing.assert_allclose(cosines(panel.apply("sphering-1e-06").values), cosines(expected), atol=1e-6)


def test_sphering_without_ridge_is_pycytominers(panel, scaled):
    """On the first 100 features, which the 330 controls span as its whitening asks."""
    some, everywhere = np.random.default_rng(0).permutation(scaled.shape[1])[:100], np.array(["Week1_1"] * len(scaled), object)
    table = pd.DataFrame(scaled[:, some])
    theirs = Spherize(method="ZCA", epsilon=1e-12).fit(table[panel.control]).transform(table)
    ours = Panel(panel.values[:, some], panel.control, everywhere, everywhere).apply("sphering-1e-12").values
    np.testing.assert_allclose(cosines(ours), cosines(theirs.to_numpy()), atol=1e-5)


def test_sphering_lw_is_scikit_learns(panel, scaled):
    estimated = LedoitWolf(assume_centered=True).fit(scaled[panel.control]).covariance_
    expected = scaled @ symmetric(estimated, lambda s: s**-0.5)
    np.testing.assert_allclose(panel.apply("sphering-lw").values, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("ridge", [0.1, 1.0])
def test_tvn_is_pca_whitening_then_coral_per_week(panel, scaled, ridge):
    """Ando et al. 2017: full matrices; the whole-set power by eigh, one week's by Schur decomposition to check eigh."""
    control, eye = panel.control, ridge * np.eye(scaled.shape[1])
    eigenvalues, vectors = np.linalg.eigh(np.cov(scaled[control], rowvar=False) + eye)
    white = scaled @ vectors / np.sqrt(eigenvalues)
    target = symmetric(np.cov(white[control], rowvar=False) + eye, np.sqrt)
    expected = np.empty_like(white)
    weeks = np.unique(panel.batches)
    assert len(weeks) == 10
    for week in weeks:
        rows = panel.batches == week
        source = np.cov(white[rows & control], rowvar=False) + eye
        inverse = symmetric(source, lambda s: s**-0.5)
        if week == weeks[0]:
            np.testing.assert_allclose(inverse, fractional_matrix_power(source, -0.5).real, atol=1e-8)
        expected[rows] = (white[rows] - white[rows & control].mean(0)) @ inverse @ target
    np.testing.assert_allclose(cosines(panel.apply(f"tvn-{ridge:g}").values), cosines(expected), atol=1e-6)
