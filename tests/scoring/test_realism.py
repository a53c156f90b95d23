"""FID and KID against closed forms and against the papers' formulas written naively."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from cytobench.errors import CytoBenchError
from cytobench.scoring.realism import fid, kid


def features(n: int, width: int = 5, seed: int = 0, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """Correlated features of one fixed mixing, so that only ``shift`` and ``scale`` tell sets apart."""
    mixing = np.random.default_rng(99).normal(size=(width, width))
    return scale * np.random.default_rng(seed).normal(size=(n, width)) @ mixing + shift


def naive_fid(one: np.ndarray, other: np.ndarray) -> float:
    """Heusel et al. 2017, equation 6."""
    first, second = np.cov(one.T), np.cov(other.T)
    shift = one.mean(0) - other.mean(0)
    return shift @ shift + np.trace(first + second - 2 * sqrtm(first @ second).real)


def naive_kid(one: np.ndarray, other: np.ndarray) -> float:
    """Binkowski et al. 2018, equation 4, pair by pair."""

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return (x @ y / len(x) + 1) ** 3

    def within(rows: np.ndarray) -> float:
        pairs = [kernel(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j]
        return float(np.mean(pairs))

    return within(one) + within(other) - 2 * float(np.mean([kernel(x, y) for x in one for y in other]))


class TestFID:
    """Heusel et al. 2017."""

    def test_is_the_papers_formula(self):
        one, other = features(200), features(150, seed=1, shift=0.5, scale=1.7)
        assert fid(one, other) == pytest.approx(naive_fid(one, other), rel=1e-9)

    def test_of_a_shift_alone_is_its_squared_length(self):
        one = features(100)
        assert fid(one, one + np.array([3.0, 4.0, 0, 0, 0])) == pytest.approx(25)

    def test_of_a_scale_alone_is_that_of_standard_deviations(self):
        one = features(100) - features(100).mean(0)
        assert fid(one, 3 * one) == pytest.approx(4 * np.trace(np.cov(one.T)))

    def test_of_one_feature_is_its_closed_form(self):
        one, other = np.random.default_rng(0).normal(2, 1, (50, 1)), np.random.default_rng(1).normal(0, 3, (60, 1))
        expected = (one.mean() - other.mean()) ** 2 + (one.std(ddof=1) - other.std(ddof=1)) ** 2
        assert fid(one, other) == pytest.approx(expected)

    def test_of_a_set_with_itself_is_nothing_however_few_its_rows(self):
        for n in (2, 20, 500):
            one = features(n, width=64)
            assert 0 <= fid(one, one) < 1e-10 * np.square(one).sum()

    def test_with_fewer_rows_than_features_is_as_in_the_space_of_the_rows(self):
        """Both covariances are singular in 300 features; in the 18 dimensions that the rows span they are not both."""
        one, other = features(8, width=300), features(10, width=300, seed=1)
        basis = np.linalg.svd(np.vstack([one, other]), full_matrices=False)[2]
        small, other_small = one @ basis.T, other @ basis.T
        spectrum = np.linalg.eigvals(np.cov(small.T) @ np.cov(other_small.T)).real
        shift = small.mean(0) - other_small.mean(0)
        traces = np.trace(np.cov(small.T)) + np.trace(np.cov(other_small.T))
        expected = shift @ shift + traces - 2 * np.sqrt(np.sort(spectrum)[-7:]).sum()
        assert fid(one, other) == pytest.approx(expected, rel=1e-6)

    def test_survives_features_that_never_vary(self):
        one, other = np.zeros((10, 4)), np.ones((12, 4))
        assert fid(one, other) == pytest.approx(4)

    def test_grows_with_the_distance(self):
        real = features(300)
        assert fid(real, features(300, seed=1)) < fid(real, features(300, seed=1, shift=0.5)) < fid(real, real + 2)


class TestKID:
    """Binkowski et al. 2018."""

    def test_is_the_papers_formula(self):
        one, other = features(40), features(30, seed=1, shift=0.5)
        assert kid(one, other) == pytest.approx(naive_kid(one, other), rel=1e-9)

    def test_of_three_points_by_hand(self):
        """Kernel (xy + 1)^3 over real {0, 1} and generated {1, 2}: 1 + 27 - 2 (1 + 1 + 8 + 27) / 4."""
        assert kid(np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])) == pytest.approx(1 + 27 - 2 * (1 + 1 + 8 + 27) / 4)

    @pytest.mark.parametrize("block", [1, 7, 40, 1000])
    def test_blocks_change_nothing(self, block):
        one, other = features(40), features(33, seed=1)
        assert kid(one, other, block=block) == pytest.approx(kid(one, other), abs=1e-10)

    @pytest.mark.parametrize("n", [5, 20])
    def test_is_unbiased_where_both_have_one_distribution(self, n):
        drawn = np.random.default_rng(0)
        values = [kid(drawn.normal(size=(n, 3)), drawn.normal(size=(n, 3))) for _ in range(4000)]
        assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
        assert min(values) < 0

    def test_grows_with_the_distance(self):
        real = features(300)
        assert kid(real, features(300, seed=1)) < kid(real, features(300, seed=1, shift=0.5)) < kid(real, real + 2)


@pytest.mark.parametrize("distance", [fid, kid])
class TestBoth:
    """What holds of either."""

    def test_order_of_rows_and_features_and_of_the_sets_is_nothing_to_it(self, distance):
        one, other, drawn = features(60), features(50, seed=1, shift=0.3), np.random.default_rng(0)
        columns = drawn.permutation(5)
        shuffled = distance(drawn.permutation(other)[:, columns], drawn.permutation(one)[:, columns])
        assert shuffled == pytest.approx(distance(one, other))

    def test_single_precision_is_computed_in_double(self, distance):
        one, other = features(60).astype(np.float32), features(50, seed=1).astype(np.float32)
        assert distance(one, other) == distance(one.astype(np.float64), other.astype(np.float64))

    @pytest.mark.parametrize("rows", [0, 1])
    def test_too_few_rows(self, distance, rows):
        with pytest.raises(CytoBenchError, match=rf"the generated features have shape \({rows}, 5\).*2 cells or more"):
            distance(features(9), features(rows))

    def test_another_number_of_axes(self, distance):
        with pytest.raises(CytoBenchError, match=r"the real features have shape \(9,\)"):
            distance(np.zeros(9), features(9))

    def test_other_widths(self, distance):
        with pytest.raises(CytoBenchError, match="real cells have 5 features and generated ones 4; embed both with one method"):
            distance(features(9), features(9, width=4))

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_what_is_not_finite_is_named(self, distance, value):
        broken = features(9)
        broken[7, 2] = value
        with pytest.raises(CytoBenchError, match="the real features are not finite: row 7, column 2"):
            distance(broken, features(9))
