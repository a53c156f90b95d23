"""Grey 8-bit and 16-bit images are read; anything else is one short reason."""

import io

import numpy as np
import pytest
import tifffile

from cytobench.imaging.tiff import ImageError, read_tiff


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_come_as_they_were_recorded(tmp_path, dtype):
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    for file in (tmp_path / "a.tif", io.BytesIO((tmp_path / "a.tif").read_bytes())):
        read = read_tiff(file)
        assert read.dtype == dtype
        np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((4, 4, 3), np.uint8), "not one grey picture"),
        (np.zeros((2, 4, 4), np.uint16), "not one grey picture"),
        (np.zeros((4, 4), np.float32), "its pixels are float32"),
        (np.zeros((4, 4), np.int16), "its pixels are int16"),
    ],
)
def test_other_pictures_are_refused(tmp_path, pixels, reason):
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    with pytest.raises(ImageError, match=reason):
        read_tiff(tmp_path / "a.tif")


@pytest.mark.parametrize("keep", [0, 4, 100, 0.5, 0.98])
def test_a_truncated_file_is_refused(tmp_path, keep):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((50, 60), np.uint16))
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(ImageError, match="cannot be decoded"):
        read_tiff(tmp_path / "a.tif")


def test_what_is_not_there_is_missing(tmp_path):
    with pytest.raises(ImageError, match="^missing$"):
        read_tiff(tmp_path / "a.tif")
