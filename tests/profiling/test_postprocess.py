"""Each entry of the panel against an independent implementation or the formula."""

import numpy as np
import pandas as pd
import pytest
from pycytominer.operations import Spherize
from scipy.linalg import fractional_matrix_power
from sklearn.covariance import LedoitWolf

from cytobench.profiling.covariance import Covariance
from cytobench.profiling.postprocess import NotAvailableError, Panel


@pytest.fixture(params=[(40, 6), (24, 40)], ids=["more wells than features", "more features than wells"])
def screen(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    """Random correlated profiles of two weeks with two plates each, every other well a control."""
    wells, features = request.param
    generator = np.random.default_rng(0)
    values = generator.normal(size=(wells, features)) @ generator.normal(size=(features, features)) + generator.normal(
        3, 2, features
    )
    plates = np.repeat(["Week1_1", "Week1_2", "Week2_1", "Week2_2"], wells // 4).astype(object)
    return {
        "values": values,
        "control": np.arange(wells) % 2 == 0,
        "plates": plates,
        "batches": np.array([plate[:5] for plate in plates], dtype=object),
    }


def standardized(screen: dict[str, np.ndarray]) -> np.ndarray:
    controls = screen["values"][screen["control"]]
    return (screen["values"] - controls.mean(0)) / controls.std(0, ddof=1)


def cosines(values: np.ndarray) -> np.ndarray:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit @ unit.T


def test_raw_is_untouched(screen):
    assert np.array_equal(Panel(**screen).apply("raw").values, screen["values"])


def test_standardize_is_the_formula(screen):
    np.testing.assert_allclose(Panel(**screen).apply("standardize").values, standardized(screen))


def test_zscore_plate_is_pandas_by_plate(screen):
    expected = np.empty_like(screen["values"])
    for plate in np.unique(screen["plates"]):
        rows = screen["plates"] == plate
        controls = pd.DataFrame(screen["values"][rows & screen["control"]])
        expected[rows] = (screen["values"][rows] - controls.mean().to_numpy()) / controls.std().to_numpy()
    panel = Panel(**screen, minimum_controls=3)
    np.testing.assert_allclose(panel.apply("zscore-plate").values, expected)


@pytest.mark.parametrize("ridge", ["1e-06", "0.01", "1", "10"])
def test_sphering_is_the_matrix_power(screen, ridge):
    scaled = standardized(screen)
    covariance = np.cov(scaled[screen["control"]], rowvar=False) + float(ridge) * np.eye(scaled.shape[1])
    expected = scaled @ fractional_matrix_power(covariance, -0.5)
    np.testing.assert_allclose(Panel(**screen).apply(f"sphering-{ridge}").values, expected, rtol=1e-5, atol=1e-6)


def test_sphering_without_ridge_is_pycytominer():
    """Its ZCA fitted on the same controls (1.7.1 or later; 1.3.0 to 1.6.1 did not whiten); its epsilon is another one."""
    generator = np.random.default_rng(0)
    values, control = generator.normal(size=(60, 6)) @ generator.normal(size=(6, 6)), np.arange(60) % 2 == 0
    everywhere = np.array(["Week1_1"] * 60, dtype=object)
    scaled = pd.DataFrame(standardized({"values": values, "control": control}))
    theirs = Spherize(method="ZCA", center=True, epsilon=1e-12).fit(scaled[control]).transform(scaled)
    ours = Panel(values, control, everywhere, everywhere).apply("sphering-1e-12").values
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-6)


def test_sphering_lw_is_scikit_learn(screen):
    scaled = standardized(screen)
    estimated = LedoitWolf(assume_centered=True).fit(scaled[screen["control"]])
    expected = scaled @ fractional_matrix_power(estimated.covariance_, -0.5)
    np.testing.assert_allclose(Panel(**screen).apply("sphering-lw").values, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("ridge", [0.001, 0.1, 1.0])
def test_tvn_is_pca_whitening_then_coral(screen, ridge):
    """Ando et al. 2017 as they write it, with PCA and full matrices; the rotation of PCA leaves cosines as they are."""
    scaled, control = standardized(screen), screen["control"]
    eye = ridge * np.eye(scaled.shape[1])
    eigenvalues, vectors = np.linalg.eigh(np.cov(scaled[control], rowvar=False) + eye)
    white = scaled @ vectors / np.sqrt(eigenvalues)
    target = fractional_matrix_power(np.cov(white[control], rowvar=False) + eye, 0.5).real
    expected = np.empty_like(white)
    for batch in np.unique(screen["batches"]):
        rows = screen["batches"] == batch
        controls = white[rows & control]
        source = fractional_matrix_power(np.cov(controls, rowvar=False) + eye, -0.5).real
        expected[rows] = (white[rows] - controls.mean(0)) @ source @ target
    ours = Panel(**screen).apply(f"tvn-{ridge:g}").values
    np.testing.assert_allclose(cosines(ours), cosines(expected), atol=1e-6)


def test_sphering_whitens_the_controls():
    generator = np.random.default_rng(1)
    values = generator.normal(size=(200, 5)) @ generator.normal(size=(5, 5))
    everywhere = np.array(["Week1_1"] * 200, dtype=object)
    panel = Panel(values, np.ones(200, bool), everywhere, everywhere)
    np.testing.assert_allclose(np.cov(panel.apply("sphering-1e-06").values, rowvar=False), np.eye(5), atol=1e-4)


def test_constant_features_are_dropped_and_counted(screen):
    screen["values"][:, 2] = 7.0
    screen["values"][:, 4] = 1e9 + np.random.default_rng(0).normal(0, 1e-3, len(screen["values"]))
    processed = Panel(**screen).apply("standardize")
    assert processed.dropped == 2
    assert processed.values.shape[1] == screen["values"].shape[1] - 2


def test_a_feature_constant_on_one_plate_is_dropped_by_zscore_plate_only(screen):
    screen["values"][screen["plates"] == "Week1_1", 0] = 3.0
    panel = Panel(**screen, minimum_controls=3)
    assert panel.apply("zscore-plate").dropped == 1
    assert panel.apply("standardize").dropped == 0


def test_raw_keeps_constant_features(screen):
    screen["values"][:, 2] = 7.0
    assert Panel(**screen).apply("raw").dropped == 0


@pytest.mark.parametrize(
    ("lost", "name", "reason"),
    [
        ("Week1_2", "zscore-plate", "plate Week1_2 has 0 control wells, fewer than 3"),
        ("Week1", "tvn-1", "batch Week1 has 0 control wells, fewer than 3"),
        ("", "sphering-lw", "the whole data set has 0 control wells, fewer than 3"),
        ("", "standardize", "the whole data set has 0 control wells, fewer than 3"),
    ],
)
def test_too_few_controls_is_not_available_with_the_reason(screen, lost, name, reason):
    screen["control"] &= np.array([not plate.startswith(lost) for plate in screen["plates"]])
    with pytest.raises(NotAvailableError, match=reason):
        Panel(**screen, minimum_controls=3).apply(name)


def test_all_features_constant_is_not_available(screen):
    screen["values"][:] = 1.0
    with pytest.raises(NotAvailableError, match="every feature is constant"):
        Panel(**screen).apply("standardize")


def test_batch_identity_becomes_exactly_zero_under_tvn(screen):
    """Subtracting a batch's own mean leaves no rounding residue that whitening would blow up into a score."""
    one_hot = pd.get_dummies(screen["batches"]).to_numpy(np.float64)
    processed = Panel(**(screen | {"values": one_hot})).apply("tvn-0.001")
    assert np.array_equal(processed.values, np.zeros_like(processed.values))


def test_covariance_power_of_one_multiplies_by_the_covariance():
    rows = np.random.default_rng(2).normal(size=(9, 20))
    values = np.random.default_rng(3).normal(size=(4, 20))
    expected = values @ (np.cov(rows, rowvar=False) + 0.3 * np.eye(20))
    np.testing.assert_allclose(Covariance(rows).power(values, 1.0, 0.3), expected)


@pytest.mark.parametrize("wells", [13, 20, 400], ids=["fewer than twice the features", "a few more", "many more"])
def test_directions_of_little_variance_keep_their_digits(wells):
    """Deviations from 1 to 1e-10: a covariance matrix formed in float64 has lost all of those below 1e-8."""
    generator = np.random.default_rng(wells)
    rotation = np.linalg.qr(generator.normal(size=(8, 8)))[0]
    rows = generator.normal(size=(wells, 8)) * np.logspace(0, -10, 8) @ rotation
    white = Covariance(rows).power(rows - rows.mean(0), -0.5, 0.0)
    np.testing.assert_allclose(np.cov(white, rowvar=False), np.eye(8), atol=1e-4)
    eigenvalues = np.linalg.eigvalsh(np.cov(rows, rowvar=False))
    assert np.abs(eigenvalues[0] / 1e-20) > 10 or eigenvalues[0] < 0
