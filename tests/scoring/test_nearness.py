"""Measures by nearest neighbours against torch_fidelity's code, against loops over the papers' formulas, and on copies."""

import importlib

import numpy as np
import pytest
import torch

from cytobench.errors import CytoBenchError
from cytobench.scoring.nearness import Nearness, nearest_of, squared_distances


def features(n: int, seed: int, width: int = 6, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (n, width))


REAL, GENERATED = features(70, 0), features(60, 1, shift=0.8)
NEAR = Nearness.of(REAL, GENERATED)


def radius(cells: np.ndarray, row: int, k: int) -> float:
    return float(np.sort([np.linalg.norm(cells[row] - other) for i, other in enumerate(cells) if i != row])[k - 1])


@pytest.fixture(scope="module")
def fidelity():
    """torch_fidelity's modules by name; torchvision's wheel first gets the operators that it lacks beside a CPU-only torch."""
    from cytobench.training.backbones import import_timm

    import_timm()
    return lambda module: importlib.import_module(f"torch_fidelity.{module}")


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_are_torch_fidelitys(fidelity, k):
    calculate = fidelity("metric_prc").calculate_precision_recall_full
    precision, recall = calculate(torch.from_numpy(GENERATED), torch.from_numpy(REAL), k)
    assert 0 < precision < 1 and 0 < recall < 1
    assert (NEAR.precision(k), NEAR.recall(k)) == pytest.approx((precision, recall))


def test_kernel_distance_is_torch_fidelitys(fidelity):
    from cytobench.scoring.realism import kid

    kernels = fidelity("metric_kid")
    sets = [(REAL, REAL), (REAL, GENERATED), (GENERATED, GENERATED)]
    real, between, generated = (
        kernels.kernel_poly(one, other, kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1)
        for one, other in sets
    )
    assert kid(REAL[:60], GENERATED) == pytest.approx(kernels.mmd2(real[:60, :60], between[:60], generated))


@pytest.mark.parametrize("k", [1, 5])
def test_density_and_coverage_are_the_papers_loops(k):
    radii = [radius(REAL, row, k) for row in range(len(REAL))]
    inside = [[np.linalg.norm(real - cell) <= reach for cell in GENERATED] for real, reach in zip(REAL, radii, strict=True)]
    assert 0 < np.sum(inside) < REAL.size
    assert NEAR.density(k) == pytest.approx(np.sum(inside) / (k * len(GENERATED)))
    assert NEAR.coverage(k) == pytest.approx(np.mean(np.any(inside, axis=1)))


def test_authenticity_is_the_papers_loop():
    expected = []
    for cell in GENERATED:
        away = [np.linalg.norm(real - cell) for real in REAL]
        nearest = int(np.argmin(away))
        expected.append(away[nearest] > radius(REAL, nearest, 1))
    assert NEAR.authentic().tolist() == expected
    assert len(set(expected)) == 2


def test_density_of_equal_distributions_is_one_and_coverage_that_of_naeem():
    """Naeem et al. 2020, lemma 2: coverage is expected to be 1 - (N - 1) ... (N - k) / ((2N - 1) ... (2N - k))."""
    near = [Nearness.of(features(200, seed), features(200, seed + 100)) for seed in range(20)]
    missed = np.prod([(200 - i) / (400 - i) for i in range(1, 6)])
    assert np.mean([one.density(5) for one in near]) == pytest.approx(1, abs=0.03)
    assert np.mean([one.coverage(5) for one in near]) == pytest.approx(1 - missed, abs=0.01)


def test_sets_apart_share_nothing_and_a_set_with_itself_all():
    apart, same = Nearness.of(REAL, GENERATED + 100), Nearness.of(REAL, REAL)
    assert (apart.precision(3), apart.recall(3), apart.density(5), apart.coverage(5)) == (0, 0, 0, 0)
    assert apart.authentic().all()
    assert (same.precision(3), same.recall(3), same.coverage(5)) == (1, 1, 1)
    assert not same.authentic().any()


def test_one_mode_is_precise_and_has_little_recall():
    near = Nearness.of(REAL, 0.05 * features(60, 3))
    assert near.precision(3) == 1
    assert near.recall(3) < 0.1


def test_some_cells_alone_are_as_if_there_were_no_others():
    some, others = np.arange(0, 70, 2), np.arange(5, 60, 3)
    kept, made = NEAR.kept(some, others), Nearness.of(REAL[some], GENERATED[others])
    for measure in ("precision", "recall", "density", "coverage"):
        assert getattr(kept, measure)(3) == pytest.approx(getattr(made, measure)(3))


def test_copies_are_found_and_blurred_cells_are_none():
    """A blurred cell, the mean of many, is nearer to every cell than they are to each other, and to none much more."""
    generator = np.random.default_rng(0)
    training = generator.normal(size=(300, 50))
    copies = training[:40] + generator.normal(0, 0.1, (40, 50))
    blurred = training[:100].mean(axis=0) + generator.normal(0, 0.1, (40, 50))
    found = nearest_of(np.concatenate([copies, blurred, generator.normal(size=(40, 50))]), training)
    assert found.row[:40].tolist() == list(range(40))
    assert found.copied(1 / 3).tolist() == [True] * 40 + [False] * 80
    assert found.distance[40:80].max() < np.median(nearest_of(training, training, np.arange(300)).distance)


def test_the_nearest_two_are_those_of_a_loop_and_a_cell_is_not_its_own():
    found = nearest_of(REAL, REAL, np.arange(70))
    for row in range(70):
        away = np.array([np.inf if other == row else np.linalg.norm(REAL[row] - REAL[other]) for other in range(70)])
        first, second = np.sort(away)[:2]
        assert found.row[row] == away.argmin()
        assert (found.distance[row], found.ratio[row]) == pytest.approx((first, first / second))


def test_identical_training_cells_make_no_copies_of_nothing():
    found = nearest_of(np.zeros((1, 3)), np.zeros((4, 3)))
    assert (found.distance[0], found.ratio[0]) == (0, 1)


def test_squared_distances_keep_their_digits_far_from_the_origin():
    one = features(20, 5)
    assert squared_distances(one + 1e6, REAL + 1e6) == pytest.approx(squared_distances(one, REAL), rel=1e-6, abs=1e-6)


def test_too_few_cells_are_said():
    with pytest.raises(CytoBenchError, match="3 cells have no 5-th neighbour"):
        Nearness.of(REAL[:3], GENERATED).coverage(5)
    with pytest.raises(CytoBenchError, match="1 training cells have no two nearest"):
        nearest_of(REAL, REAL[:1])
