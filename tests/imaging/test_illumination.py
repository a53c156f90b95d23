"""What the light did is found again and taken back."""

import numpy as np
import pytest

from cytobench.imaging.illumination import IlluminationSpec, enlarged, illumination_function, shrunk


def light(shape, off=(0.1, -0.05), loss=0.3):
    """A smooth vignette (H, W), 1 at its centre."""
    y, x = (np.linspace(-0.5, 0.5, side, dtype=np.float32) for side in shape)
    return 1 - loss * 2 * ((x[None] - off[0]) ** 2 + (y[:, None] - off[1]) ** 2)


def fields(shape, count, vignette, seed=0):
    """Fields of bright 14 px squares at random places on a background, under the light, with noise."""
    generator = np.random.default_rng(seed)
    images = np.full((count, *shape), 200.0, np.float32)
    for image in images:
        for row, column in generator.integers(-14, max(shape), (shape[0] * shape[1] // 1200, 2)):
            image[max(row, 0) : max(row + 14, 0), max(column, 0) : max(column + 14, 0)] = generator.uniform(500, 1500)
    return images * vignette + generator.normal(0, 20, images.shape).astype(np.float32)


@pytest.mark.parametrize(("shape", "statistic", "count"), [((512, 640), "percentile", 12), ((500, 613), "mean", 60)])
def test_the_light_is_found_again(shape, statistic, count):
    spec, vignette = IlluminationSpec(window=200, statistic=statistic), light(shape)
    small = np.stack([shrunk(image, spec) for image in fields(shape, count, vignette)])
    found = enlarged(illumination_function(small, spec), shape)
    relative = np.abs(found / found.mean() / (vignette / vignette.mean()) - 1)
    assert np.median(relative) < 0.03
    assert np.median(np.abs(vignette.mean() / vignette - 1)) > 0.03  # no correction at all would not pass


def test_dividing_by_it_makes_nothing_brighter():
    spec = IlluminationSpec()
    found = illumination_function(np.stack([shrunk(image, spec) for image in fields((256, 320), 8, light((256, 320)))]), spec)
    assert found.dtype == np.float32
    assert found.min() == 1
    assert found.max() > 1.1


@pytest.mark.parametrize("shape", [(64, 96), (50, 33), (7, 3)])
def test_blocks_hold_the_means_of_what_there_is(shape):
    image = np.random.default_rng(0).integers(0, 65535, shape).astype(np.uint16)
    small = shrunk(image, IlluminationSpec(shrink=16))
    rows, columns = (range(0, side, 16) for side in shape)
    expected = [[image[row : row + 16, column : column + 16].mean() for column in columns] for row in rows]
    np.testing.assert_allclose(small, expected, rtol=1e-5)


def test_black_fields_are_left_as_they_are():
    spec = IlluminationSpec()
    assert (illumination_function(np.zeros((3, 4, 5), np.float32), spec) == 1).all()


def test_enlarging_keeps_the_values():
    function = np.stack([np.full((4, 5), 1.5, np.float32), np.full((4, 5), 2.5, np.float32)])
    full = enlarged(function, (61, 77))
    assert full.shape == (2, 61, 77)
    assert full.dtype == np.float32
    np.testing.assert_allclose(full[0], 1.5)
    np.testing.assert_allclose(full[1], 2.5)
