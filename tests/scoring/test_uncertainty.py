"""Intervals and paired tests by compound."""

import numpy as np
import pytest

from cytobench.scoring.uncertainty import CompoundBootstrap

COMPOUNDS = np.repeat(np.arange(38), np.r_[np.full(27, 3), np.full(11, 2)])
"""103 treatments of 38 compounds."""


def bootstrap(compounds: np.ndarray = COMPOUNDS, **changes) -> CompoundBootstrap:
    return CompoundBootstrap(compounds, **({"samples": 1000, "level": 0.95, "seed": 0} | changes))


def test_estimate_is_the_mean_inside_its_interval():
    values = np.random.default_rng(0).random(len(COMPOUNDS))
    estimate = bootstrap().estimate(values)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low < estimate.value < estimate.high
    assert estimate.n == 103


def test_by_compound_averages_within_compounds_first():
    values = np.random.default_rng(0).random(len(COMPOUNDS))
    estimate = bootstrap(by_compound=True).estimate(values)
    assert estimate.value == pytest.approx(np.mean([values[compound == COMPOUNDS].mean() for compound in range(38)]))
    assert estimate.n == 38


def test_interval_is_the_plain_bootstrap():
    """The same resamples, drawn in a loop: compounds with replacement, their treatments with them."""
    values = np.random.default_rng(1).random(len(COMPOUNDS))
    draws = np.random.default_rng(0).multinomial(38, np.full(38, 1 / 38), size=1000)
    means = []
    for counts in draws:
        chosen = np.concatenate([np.tile(values[compound == COMPOUNDS], count) for compound, count in enumerate(counts)])
        means.append(chosen.mean())
    estimate = bootstrap().estimate(values)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_interval_is_wider_where_treatments_of_a_compound_agree():
    """103 treatments of 38 compounds are not 103 independent ones."""
    agreeing = (COMPOUNDS % 2).astype(float)
    alone = bootstrap(np.arange(103)).estimate(agreeing)
    together = bootstrap().estimate(agreeing)
    assert together.high - together.low > 1.3 * (alone.high - alone.low)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(2)
    covered = 0
    for seed in range(200):
        rates = generator.random(38)
        estimate = bootstrap(seed=seed).estimate((generator.random(103) < rates[COMPOUNDS]).astype(float))
        covered += estimate.low <= 0.5 <= estimate.high
    assert 0.88 <= covered / 200 <= 0.99


def test_seed_fixes_the_interval():
    values = np.random.default_rng(0).random(103)
    assert bootstrap().estimate(values) == bootstrap().estimate(values)
    assert bootstrap(seed=1).estimate(values) != bootstrap().estimate(values)


def test_p_of_equal_methods_is_one():
    values = np.random.default_rng(0).integers(0, 2, 103).astype(float)
    assert bootstrap().p_value(values, values, permutations=999, seed=0) == 1


def test_p_of_right_and_wrong_is_the_smallest():
    assert bootstrap().p_value(np.ones(103), np.zeros(103), permutations=999, seed=0) == pytest.approx(1 / 1000)


def test_p_is_the_exact_sign_test_over_few_compounds():
    """Three compounds that all favour the first: of the 8 exchanges 2 are as extreme."""
    compounds = np.array(list("abc"))
    p = bootstrap(compounds).p_value(np.ones(3), np.zeros(3), permutations=20_000, seed=0)
    assert p == pytest.approx(2 / 8, abs=0.02)


def test_p_values_are_uniform_where_there_is_no_difference():
    generator = np.random.default_rng(3)
    ps = [
        bootstrap(samples=10).p_value(*generator.integers(0, 2, (2, 103)).astype(float), permutations=199, seed=seed)
        for seed in range(200)
    ]
    assert 0.02 <= np.mean(np.array(ps) <= 0.05) <= 0.09
