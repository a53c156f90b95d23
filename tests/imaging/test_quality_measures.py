"""Smoothness tells a picture from noise."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cytobench.imaging.quality import NOISE_THRESHOLD, focus, saturation, smoothness

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


def blobs(blur: float) -> np.ndarray:
    """(3, 64, 64): squares under a blur of that many px, with camera noise."""
    sharp = np.zeros((3, 64, 64), np.float32)
    sharp[:, 20:30, 20:30], sharp[:, 36:50, 30:44] = 3000, 1500
    noise = np.random.default_rng(0).normal(0, 15, sharp.shape)
    return gaussian_filter(sharp, (0, blur, blur)) + 200 + noise.astype(np.float32)


def test_focus_falls_with_blur_and_does_not_know_the_gain():
    measured = [focus(blobs(blur)).mean() for blur in (1.0, 2.0, 4.0)]
    assert measured[0] > 1.5 * measured[1] > 2 * measured[2] > 0
    np.testing.assert_allclose(focus(blobs(1.0) * 7), focus(blobs(1.0)), rtol=1e-3)
    assert focus(np.full((2, 9, 9), 5.0)).tolist() == [0, 0]


@pytest.mark.parametrize(("dtype", "limit"), [(np.uint16, 4095 * 16), (np.uint16, 65535), (np.uint8, 255)])
def test_saturation_is_the_share_of_pixels_at_the_limit(dtype, limit):
    images = np.full((2, 10, 10), limit // 2, dtype)
    images[1, :3] = limit
    assert saturation(images).tolist() == [0, pytest.approx(0.3)]
