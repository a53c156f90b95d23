"""What a method sees: the centre of each crop, scaled as its recipe says, in [0, 1]."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from cytobench.datasets.batches import PERCENTILES, BatchReader
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter
from cytobench.errors import CytoBenchError
from cytobench.training.settings import InputSpec

PLATES = ["Week1_1", "Week2_1", "Week1_1", "Week2_1", "Week2_1", "Week1_1"]


def make(path, dtype=np.uint16, shape=(10, 12)):
    """Six cells of two plates and two channels; the first cell's second channel is black."""
    generator = np.random.default_rng(0)
    brightness = np.where(np.array(PLATES) == "Week1_1", 0.3, 0.9)[:, None, None, None]
    images = (generator.random((6, 2, *shape)) * brightness * np.iinfo(dtype).max).astype(dtype)
    images[0, 1] = 0
    table = pd.DataFrame({"plate": PLATES, "well": "B02", "compound": "DMSO", "concentration": 0.0})
    masks = generator.integers(0, 3, (6, *shape), np.uint8)
    facts = {"simulated": True, "all_cells_counted": True, "provenance": {}}
    with CellStoreWriter(path, name="s", channels=("DNA", "Actin"), **facts) as writer:
        writer.append(images, table, masks)
    return CellStore(path), images, masks


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("batches") / "s")


def read(store, rows=range(6), **spec):
    return BatchReader(store, InputSpec(**spec)).read(np.array(list(rows)))


def by_luminance(images, _):
    maximum = images.max(axis=(2, 3), keepdims=True).astype(np.float32)
    return np.divide(images, maximum, out=np.zeros(images.shape, np.float32), where=maximum > 0)


def by_range(images, _):
    return images / np.float32(65535)


def by_percentile(images, plates):
    scaled = np.empty(images.shape, np.float32)
    for plate, channel in itertools.product(set(plates), range(images.shape[1])):
        cells = np.array(plates) == plate
        pixels = images[cells, channel].astype(np.float32)
        low, high = np.percentile(pixels, PERCENTILES, method="inverted_cdf")
        scaled[cells, channel] = np.clip((pixels - low) / (high - low), 0, 1)
    return scaled


@pytest.mark.parametrize(
    ("scaling", "formula"), [("luminance", by_luminance), ("range", by_range), ("percentile", by_percentile)]
)
def test_scaling_is_its_formula(tmp_path, scaling, formula):
    store, images, _ = make(tmp_path / "s", shape=(10, 10))
    batch = read(store, scaling=scaling)
    np.testing.assert_allclose(batch.images, formula(images, PLATES), rtol=1e-6)
    assert batch.images.dtype == torch.float32
    assert 0 <= batch.images.min() <= batch.images.max() <= 1


@pytest.mark.parametrize("scaling", ["luminance", "range", "percentile"])
def test_a_black_channel_gives_zeros(made, scaling):
    images = read(made[0], scaling=scaling).images
    assert (images[0, 1] == 0).all()
    assert torch.isfinite(images).all()


def test_a_plate_whose_channel_is_constant_gives_zeros(tmp_path):
    table = pd.DataFrame({"plate": ["P_1"], "well": "B02", "compound": "DMSO", "concentration": 0.0})
    facts = {"simulated": True, "all_cells_counted": True, "provenance": {}}
    with CellStoreWriter(tmp_path / "s", name="s", channels=("DNA",), **facts) as writer:
        writer.append(np.full((1, 1, 8, 8), 7, np.uint8), table)
    assert (read(CellStore(tmp_path / "s"), [0], scaling="percentile").images == 0).all()


def test_range_is_that_of_the_bit_depth(tmp_path):
    store, images, _ = make(tmp_path / "s", np.uint8, (8, 8))
    np.testing.assert_allclose(read(store, scaling="range").images, images / np.float32(255))


@pytest.mark.parametrize("size", [1, 3, 4, 9, 10])
def test_the_crop_is_the_centre_and_masks_are_cropped_alike(made, size):
    store, images, masks = made
    batch = read(store, scaling="range", crop_size=size, masks=True)
    top, left = (10 - size) // 2, (12 - size) // 2
    np.testing.assert_allclose(batch.images, by_range(images[..., top : top + size, left : left + size], None))
    np.testing.assert_array_equal(batch.masks, masks[:, top : top + size, left : left + size])
    assert batch.masks.dtype == torch.uint8
    assert abs((10 - size - top) - top) <= 1


def test_luminance_is_of_the_crop_that_the_method_sees(made):
    assert read(made[0], range(1, 6), crop_size=4).images.amax((2, 3)).eq(1).all()


@pytest.mark.parametrize("scaling", ["luminance", "range", "percentile"])
def test_a_cell_is_scaled_alike_in_any_batch(made, scaling):
    together = read(made[0], [4, 0, 2], scaling=scaling).images
    alone = torch.cat([read(made[0], [row], scaling=scaling).images for row in (4, 0, 2)])
    assert torch.equal(together, alone)


def test_a_batch_knows_channels_and_no_labels(made):
    batch = read(made[0])
    assert batch.channels == ("DNA", "Actin")
    assert batch.masks is None
    assert sorted(vars(batch)) == ["channels", "condition", "images", "masks"]
    assert batch.condition is None, "told only in training, where card and recipe both say so"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"crop_size": 11}, "the recipe asks for crops of 11 px, but s has 10 x 12 px; set -o input.crop_size=10 or less"),
    ],
)
def test_what_the_store_cannot_give_is_refused(tmp_path, spec, sentence):
    _, images, _ = make(tmp_path / "with")
    table = pd.DataFrame({"plate": PLATES, "well": "B02", "compound": "DMSO", "concentration": 0.0})
    facts = {"simulated": True, "all_cells_counted": True, "provenance": {}}
    with CellStoreWriter(tmp_path / "without", name="s", channels=("DNA", "Actin"), **facts) as writer:
        writer.append(images, table)
    with pytest.raises(CytoBenchError) as raised:
        BatchReader(CellStore(tmp_path / "without"), InputSpec(**spec))
    assert str(raised.value) == sentence
