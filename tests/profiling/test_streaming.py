"""Streamed moments and whitening of cells against numpy in float64, where they are hard, and in bounded memory."""

import subprocess
import sys

import numpy as np
import pytest

from cytobench.errors import CytoBenchError
from cytobench.profiling import streaming
from cytobench.profiling.streaming import fit_filling, fit_whitening, stream_means, stream_moments


@pytest.fixture(params=[1, 100, 2**21], ids=["a row a block", "few rows a block", "one block"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BLOCK_VALUES", request.param)


def correlated(cells: int = 300, features: int = 8, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(cells, features)) @ generator.normal(size=(features, features)) + generator.normal(
        size=features
    )
    return values.astype(np.float32)


def whiten_cells(values: np.ndarray, control: np.ndarray, ridge: float = 1e-6) -> np.ndarray:
    return fit_whitening(stream_moments(values, control), ridge).apply(values)


def cosines(values: np.ndarray) -> np.ndarray:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit @ unit.T


@pytest.mark.usefixtures("blocks")
def test_moments_are_numpys():
    values, rows = correlated(), np.random.default_rng(1).random(300) < 0.3
    found, counted = stream_moments(values, rows), values[rows].astype(np.float64)
    assert found.count == rows.sum()
    np.testing.assert_allclose(found.mean, counted.mean(0), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(found.covariance, np.cov(counted, rowvar=False), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(stream_moments(values).covariance, np.cov(values.astype(np.float64), rowvar=False), rtol=1e-10)


@pytest.mark.usefixtures("blocks")
def test_a_mean_far_larger_than_the_deviations_costs_no_digits():
    """Mean 1e4, standard deviation 0.01: the textbook formula E[x^2] - E[x]^2 keeps a few digits of the variance."""
    generator = np.random.default_rng(0)
    values = (1e4 + 0.01 * generator.normal(size=(5_000, 3))).astype(np.float32)
    exact = values.astype(np.float64)
    expected = np.cov(exact - exact[0], rowvar=False)  # shifted by one of the rows, exactly
    textbook = (exact.T @ exact / len(exact) - np.outer(exact.mean(0), exact.mean(0))) * len(exact) / (len(exact) - 1)
    found = stream_moments(values).covariance
    assert np.abs(found - expected).max() < 1e-10 * np.abs(expected).max()
    assert np.abs(textbook - expected).max() > 1e-6 * np.abs(expected).max()


@pytest.mark.usefixtures("blocks")
def test_order_and_offset_of_blocks_do_not_matter():
    """The mean drifts from block to block, as plates do."""
    values = correlated(1_000)
    values += np.linspace(-500, 500, 1_000, dtype=np.float32)[:, None]
    shuffled = values[np.random.default_rng(0).permutation(1_000)]
    np.testing.assert_allclose(stream_moments(values).covariance, stream_moments(shuffled).covariance, rtol=1e-11)


@pytest.mark.usefixtures("blocks")
def test_whitening_is_the_formula():
    """Centre, V diag(1 / sqrt(s + ridge)) of the controls, no rotation back; the sign of an eigenvector is arbitrary."""
    values, control = correlated(), np.arange(300) % 3 == 0
    exact = values.astype(np.float64)
    eigenvalues, vectors = np.linalg.eigh(np.cov(exact[control], rowvar=False))
    expected = (exact - exact[control].mean(0)) @ (vectors / np.sqrt(eigenvalues + 1e-6))[:, ::-1]
    found = whiten_cells(values, control)
    assert found.dtype == np.float64
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(cosines(found), cosines(expected), atol=1e-6)
    np.testing.assert_allclose(np.cov(found[control], rowvar=False), np.eye(8), atol=1e-4)


def test_whitening_is_exact_for_features_of_other_sizes_and_a_large_mean():
    """Standard deviations from 0.001 to 1,000, and means of 1e4 beside the deviation 1."""
    generator = np.random.default_rng(2)
    values = generator.normal(size=(4_000, 4)) * [1e-3, 1, 1, 1e3] + [0, 1e4, -1e4, 0]
    found = whiten_cells(values.astype(np.float32), np.ones(4_000, bool), ridge=0.0)
    np.testing.assert_allclose(np.cov(found, rowvar=False), np.eye(4), atol=1e-3)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-3)


def test_eigenvectors_have_one_sign_and_fall_in_variance():
    whitening = fit_whitening(stream_moments(correlated()), 0.0)
    scales = np.linalg.norm(whitening.projection, axis=0)
    assert (np.diff(scales) > 0).all()  # the least variance is enlarged the most
    largest = whitening.projection[np.abs(whitening.projection).argmax(axis=0), np.arange(8)]
    assert (largest > 0).all()


def test_few_controls_need_a_ridge_and_have_one():
    values = correlated(50, 40)
    control = np.arange(50) < 10
    assert np.isfinite(whiten_cells(values, control)).all()
    flat = np.zeros((5, 3), np.float32)
    with pytest.raises(CytoBenchError, match="do not vary in every direction; give the whitening a ridge above 0"):
        whiten_cells(flat, np.ones(5, bool), ridge=0.0)


def with_gaps(values: np.ndarray) -> np.ndarray:
    """Half of the values of feature 2 and all of feature 5 are missing."""
    holed = values.copy()
    holed[::2, 2], holed[:, 5] = np.nan, np.nan
    return holed


@pytest.mark.usefixtures("blocks")
def test_missing_values_are_filled_by_the_mean_of_the_controls():
    values, control = with_gaps(correlated()), np.arange(300) % 3 == 0
    filling = fit_filling(values, control, progress=True)
    assert filling.kept.tolist() == [True] * 5 + [False] + [True] * 2
    expected = np.delete(values, 5, axis=1).astype(np.float64)
    expected[::2, 2] = np.nanmean(values[control, 2].astype(np.float64))
    np.testing.assert_allclose(filling.apply(values), expected, rtol=1e-12)
    np.testing.assert_allclose(
        stream_moments(values, control, filling).covariance, np.cov(expected[control], rowvar=False), rtol=1e-10, atol=1e-13
    )


@pytest.mark.usefixtures("blocks")
def test_whitened_means_are_the_means_of_whitened_cells():
    values, control, owner = with_gaps(correlated()), np.arange(300) % 3 == 0, np.arange(300) * 7 % 11
    filling = fit_filling(values, control)
    whitening = fit_whitening(stream_moments(values, control, filling), 1e-6)
    white = whitening.apply(filling.apply(values))
    expected = [white[owner == group].mean(axis=0) for group in range(11)]
    np.testing.assert_allclose(whitening.apply(stream_means(values, owner, filling)), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("blocks")
def test_missing_values_are_refused_in_controls_and_kept_elsewhere():
    values, control = correlated(), (np.arange(300) % 3 == 0) & (np.arange(300) < 200)
    values[200, 3] = np.nan
    whitened = whiten_cells(values, control)
    assert np.isnan(whitened[200]).all()
    assert np.isfinite(np.delete(whitened, 200, axis=0)).all()
    values[51, 3] = np.inf
    with pytest.raises(CytoBenchError, match="row 51, a control cell, has a value that is not finite"):
        whiten_cells(values, control)


@pytest.mark.parametrize(("controls", "there"), [(0, "is none"), (1, "is 1")])
def test_a_covariance_needs_two_controls(controls, there):
    with pytest.raises(CytoBenchError, match=f"two control cells or more, and there {there}"):
        whiten_cells(correlated(), np.arange(300) < controls)


WHITEN = """
import sys, threading, time
import numpy as np
from cytobench.profiling.streaming import fit_whitening, stream_moments

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

values = np.load(sys.argv[1], mmap_mode="r")[: int(sys.argv[2])]
fit_whitening(stream_moments(values[:4_096]), 1e-6).apply(values[:64])  # the threads of the linear algebra and their memory
before = peak = anonymous()
ended = threading.Event()

def watch():
    global peak
    while not ended.wait(0.002):
        peak = max(peak, anonymous())

thread = threading.Thread(target=watch)
thread.start()
began = time.perf_counter()
moments = stream_moments(values)
whitening = fit_whitening(moments, 1e-6)
fitted = time.perf_counter()
rows = sum(len(whitening.apply(values[start : start + 2_048])) for start in range(0, len(values), 2_048))
print(peak - before, moments.count, rows, fitted - began, time.perf_counter() - fitted)
ended.set()
thread.join()
"""


def whiten_in_another_process(path, cells: int) -> float:
    """MiB that a fresh process takes beside the mapped file to fit on all cells and to whiten them."""
    command = [sys.executable, "-c", WHITEN, str(path), str(cells)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, fitted, whitened, *seconds = map(float, ended.stdout.split())
    assert fitted == whitened == cells
    print(f"{cells} cells: {grown / 1024:.0f} MiB, covariance {seconds[0]:.1f} s, whitening {seconds[1]:.1f} s")
    return grown / 1024


@pytest.fixture
def sparse(tmp_path):
    """1.3 million x 1,024 in float32, 5.3 GB of zeros that take no room but for the first cells."""
    path = tmp_path / "cells.npy"
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(1_300_000, 1_024))
    mapped[:4_096] = np.random.default_rng(0).normal(size=(4_096, 1_024))
    mapped.flush()
    return path


MOST = 256
"""MiB: blocks and (1,024, 1,024) matrices in float64, a twentieth of the cells themselves."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_memory_does_not_grow_with_the_cells(sparse):
    assert whiten_in_another_process(sparse, 40_000) < MOST


@pytest.mark.slow
@pytest.mark.timeout(1000)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_a_million_cells_are_whitened_in_the_same_memory(sparse):
    assert whiten_in_another_process(sparse, 1_300_000) < MOST
