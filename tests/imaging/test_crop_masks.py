"""Crops without masks get one each: of the nucleus at the centre, else of the nearest, else a disc."""

import threading

import numpy as np
import pytest
from joblib import parallel_config

from cytobench.imaging import crop_masks
from cytobench.imaging.crop_masks import Found, dna_channel, find_cells, segment_crops

Y, X = np.mgrid[:68, :68]
CHANNELS = ("DAPI", "Actin", "Tubulin")


def disc(row: float, column: float, radius: float) -> np.ndarray:
    return np.hypot(Y - row, X - column) <= radius


def crop(*centres: tuple[float, float], seed: int = 0) -> np.ndarray:
    """A crop (3, 68, 68) with nuclei of radius 9 in cells of radius 16."""
    image = np.random.default_rng(seed).normal(500, 20, (3, 68, 68))
    for centre in centres:
        image[0] += 5000 * disc(*centre, 9)
        image[1:] += 2000 * disc(*centre, 16)
    return image.clip(0, 65535).astype(np.uint16)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(
    ("centres", "own", "found"),
    [
        ([(34, 34)], (34, 34), Found.CENTRE),
        ([(34, 34), (34, 62), (8, 12)], (34, 34), Found.CENTRE),
        ([(18, 20), (60, 62)], (18, 20), Found.NEAREST),
    ],
)
def test_the_mask_is_of_the_cell_at_the_centre_or_of_the_nearest(centres, own, found):
    cells = find_cells(crop(*centres)[None], CHANNELS)
    assert cells.found == (found,)
    assert cells.masks.dtype == np.uint8 and set(np.unique(cells.masks)) == {0, 1, 2}
    assert overlap(cells.masks[0] == 2, disc(*own, 9)) > 0.8
    assert overlap(cells.masks[0] > 0, disc(*own, 16)) > 0.7
    others = [centre for centre in centres if centre != own]
    assert not any((cells.masks[0] == 2)[disc(*other, 9)].any() for other in others)


@pytest.mark.parametrize("image", [np.zeros((3, 68, 68), np.uint16), np.full((3, 68, 68), 65535, np.uint16), crop()])
def test_a_crop_without_a_nucleus_gets_a_disc_in_a_disc(image):
    cells = find_cells(image[None], CHANNELS)
    assert cells.found == (Found.NONE,)
    assert overlap(cells.masks[0] == 2, disc(33.5, 33.5, 0.4 * 34)) == 1
    assert overlap(cells.masks[0] > 0, disc(33.5, 33.5, 0.8 * 34)) == 1


def test_each_crop_is_segmented_by_itself():
    images = np.stack([crop((34, 34), seed=seed) for seed in range(38)] + [crop(), crop((10, 34))])
    together = find_cells(images, CHANNELS)
    alone = [find_cells(images[[row]], CHANNELS) for row in (0, 35, 38, 39)]
    assert np.array_equal(together.masks[[0, 35, 38, 39]], np.concatenate([cells.masks for cells in alone]))
    assert [together.found[row] for row in (0, 35, 38, 39)] == [cells.found[0] for cells in alone]


@pytest.mark.parametrize("jobs", [1, 2])
def test_crops_are_segmented_on_the_cores_that_are_given(monkeypatch, jobs):
    threads: list[int] = []

    class Seen:
        """A segmenter that finds nothing and notes which thread asked."""

        def nuclei(self, dna: np.ndarray) -> np.ndarray:
            threads.append(threading.get_ident())
            return np.zeros(dna.shape, np.int32)

    monkeypatch.setattr(crop_masks, "make_segmenter", Seen)
    with parallel_config("threading", n_jobs=jobs):
        find_cells(np.stack([crop()] * 70), CHANNELS)
    assert len(threads) == 70
    assert (threading.get_ident() in threads) == (jobs == 1)


def test_the_unit_of_intensity_and_the_depth_do_not_matter():
    images = crop((34, 34))[None]
    eight_bit = (images // 64).astype(np.uint8)
    assert overlap(segment_crops(eight_bit, CHANNELS) == 2, segment_crops(images, CHANNELS) == 2) > 0.9


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(("Actin", "Hoechst 33342"), 1), (("actin", "dna"), 1), (("ch1", "ch2"), 0), (("Tubulin", "CorrDAPI", "DNA"), 1)],
)
def test_the_nuclear_stain_is_found_by_name(channels, expected):
    assert dna_channel(channels) == expected


def test_the_order_of_the_channels_does_not_matter_where_they_are_named():
    images = crop((34, 34), (10, 55))[None]
    assert np.array_equal(segment_crops(images[:, [1, 2, 0]], ("Actin", "Tubulin", "DAPI")), segment_crops(images, CHANNELS))


@pytest.mark.parametrize(("channels", "size"), [(1, 68), (1, 17), (5, 24), (2, 4)])
def test_any_number_of_channels_and_any_size(channels, size):
    images = np.random.default_rng(0).integers(0, 2**16, (2, channels, size, size + 1), np.uint16)
    masks = segment_crops(images, [f"channel{number}" for number in range(channels)])
    assert masks.shape == (2, size, size + 1)
    assert (masks == 2).any(axis=(1, 2)).all()


def test_no_crops_give_no_masks():
    assert segment_crops(np.zeros((0, 3, 68, 68), np.uint16), CHANNELS).shape == (0, 68, 68)


def test_real_crops(data):
    """Noise alone gets a disc; of the others nearly all show a nucleus at the centre, of a size that nuclei have."""
    images = np.load(data / "bbbc021_cells" / "cells.npz")["images"][::8].transpose(0, 3, 1, 2)
    dna = images[:, 0].astype(float)
    neighbours = [np.corrcoef(image[:, 1:].ravel(), image[:, :-1].ravel())[0, 1] for image in dna]
    noise = np.array(neighbours) < 0.75  # in noise at most 0.55, in all other crops at least 0.95
    cells = find_cells(images, CHANNELS)
    found = np.array(cells.found)
    assert np.array_equal(found == Found.NONE, noise) and noise.sum() == 7
    assert (found[~noise] == Found.CENTRE).mean() > 0.98
    area = (cells.masks == 2).sum(axis=(1, 2))[~noise]
    assert area.min() >= 50 and 700 < np.median(area) < 1000
