"""Crops are centred on their nuclei, those at the border are left out, and masks are of the centred cell alone."""

import numpy as np

from cytobench.imaging.cropping import cut, masks_of, place, without_neighbours

SHAPE = (60, 80)
CENTRES = {1: (20, 30), 2: (30, 44), 3: (5, 60), 5: (50, 71)}
"""Row and column of four nuclei; the label 4 is not used."""


def segmented():
    """Nuclei of 7 x 7 px in cells of 15 x 15 px, the later over the earlier."""
    nuclei, cells = np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.int32)
    for label, (row, column) in CENTRES.items():
        cells[max(row - 7, 0) : row + 8, column - 7 : column + 8] = label
    for label, (row, column) in CENTRES.items():
        nuclei[row - 3 : row + 4, column - 3 : column + 4] = label
        cells[row - 3 : row + 4, column - 3 : column + 4] = label
    return nuclei, cells


def test_cells_are_placed_by_their_nuclei():
    nuclei, cells = segmented()
    placed = place(nuclei, cells)
    assert placed.labels.tolist() == [1, 2, 3, 5]
    assert placed.centres.tolist() == [[column, row] for row, column in CENTRES.values()]
    assert placed.nucleus_area.tolist() == [49] * 4
    assert placed.cell_area.tolist() == [(cells == label).sum() for label in CENTRES]


def test_a_field_without_nuclei_has_no_cells():
    empty = np.zeros(SHAPE, np.int32)
    placed = place(empty, empty).within(SHAPE, 16)
    assert len(placed) == 0
    assert cut(np.zeros((3, *SHAPE)), placed.corners(16), 16).shape == (0, 3, 16, 16)
    assert masks_of(empty, empty, placed, 16).shape == (0, 16, 16)


def test_cells_nearer_the_border_than_half_a_crop_are_left_out():
    placed = place(*segmented())
    assert placed.within(SHAPE, 10).labels.tolist() == [1, 2, 3, 5]
    assert placed.within(SHAPE, 12).labels.tolist() == [1, 2, 5]
    assert placed.within(SHAPE, 20).labels.tolist() == [1, 2]
    assert placed.within(SHAPE, 62).labels.tolist() == []


def test_the_nucleus_is_in_the_middle_of_its_crop():
    image = np.random.default_rng(0).integers(0, 999, (2, *SHAPE))
    placed = place(*segmented()).within(SHAPE, 20)
    crops = cut(image, placed.corners(20), 20)
    for crop, (row, column) in zip(crops, list(CENTRES.values())[:2], strict=True):
        np.testing.assert_array_equal(crop, image[:, row - 10 : row + 10, column - 10 : column + 10])


def test_a_mask_is_of_the_centred_cell_alone():
    nuclei, cells = segmented()
    placed = place(nuclei, cells).within(SHAPE, 40)
    masks = masks_of(nuclei, cells, placed, 40)
    assert placed.labels.tolist() == [1, 2]
    assert (masks == 2).sum(axis=(1, 2)).tolist() == [49, 49]
    assert (masks > 0).sum(axis=(1, 2)).tolist() == placed.cell_area.tolist()


def test_neighbours_are_blanked_and_the_background_stays():
    nuclei, cells = segmented()
    placed = place(nuclei, cells).within(SHAPE, 40)
    crops = cut(np.full((3, *SHAPE), 7, np.uint16), placed.corners(40), 40)
    alone = without_neighbours(crops, cells, placed)
    around = cut(cells, placed.corners(40), 40)
    others = np.isin(around, [0, 1]), np.isin(around, [0, 2])
    assert alone.dtype == np.uint16
    for crop, (first, second), row in zip(alone, [others, others], (0, 1), strict=True):
        kept = (first, second)[row][row]
        assert not kept.all()
        np.testing.assert_array_equal(crop, np.broadcast_to(kept * 7, crop.shape))
