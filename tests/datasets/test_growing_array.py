"""An array written piece by piece is the file that numpy writes of the whole."""

import io

import numpy as np
import pytest

from cytobench.datasets.growing_array import GrowingArray


@pytest.mark.parametrize("pieces", [(), (0,), (7,), (1, 0, 12, 987)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_file_reads_back_as_the_whole(tmp_path, pieces, dtype):
    whole = np.random.default_rng(0).integers(0, 99, (sum(pieces), 3, 4)).astype(dtype)
    with GrowingArray(tmp_path / "a.npy", (3, 4), dtype) as array:
        for piece in np.split(whole, np.cumsum(pieces)[:-1]):
            array.append(piece)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), whole)
    expected = io.BytesIO()
    np.save(expected, whole)
    assert (tmp_path / "a.npy").read_bytes() == expected.getvalue()
    assert len(array) == len(whole)


def test_pieces_of_another_kind_are_refused(tmp_path):
    with GrowingArray(tmp_path / "a.npy", (3,), "uint8") as array:
        for wrong in (np.zeros((2, 4), "uint8"), np.zeros((2, 3), "uint16")):
            with pytest.raises(ValueError, match="takes uint8"):
                array.append(wrong)
    assert len(np.load(tmp_path / "a.npy")) == 0
