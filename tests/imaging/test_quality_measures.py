"""Smoothness tells a picture from noise."""

import numpy as np
import pytest

from cytobench.imaging.quality import NOISE_THRESHOLD, smoothness

NOISE = np.random.default_rng(0).integers(0, 4096, (20, 68, 68), np.uint16)
Y, X = np.mgrid[-34:34, -34:34]
BLOB = (4000 * np.exp(-(X**2 + Y**2) / 200)).astype(np.uint16)[None]


def test_noise_is_far_below_the_threshold_and_a_blob_far_above():
    assert np.abs(smoothness(NOISE)).max() < NOISE_THRESHOLD / 5
    assert smoothness(BLOB)[0] > 0.95


def test_it_is_the_mean_correlation_with_the_right_and_the_lower_neighbour():
    picture = BLOB[0].astype(float)
    right = np.corrcoef(picture[:, 1:].ravel(), picture[:, :-1].ravel())[0, 1]
    down = np.corrcoef(picture[1:].ravel(), picture[:-1].ravel())[0, 1]
    assert smoothness(BLOB)[0] == pytest.approx((right + down) / 2, abs=0.05)


@pytest.mark.parametrize(("gain", "offset"), [(1, 1000), (16, 0), (8, 500)])
def test_it_does_not_depend_on_gain_or_offset(gain, offset):
    np.testing.assert_allclose(smoothness(gain * BLOB + offset), smoothness(BLOB), rtol=1e-4)


@pytest.mark.parametrize("value", [0, 65535])
def test_a_constant_picture_has_none(value):
    assert smoothness(np.full((2, 8, 8), value, np.uint16)).tolist() == [0, 0]
