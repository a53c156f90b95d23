"""Nuclei and cells are found in drawn fields whose truth is known, whatever the size, the brightness and the noise."""

import subprocess
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from cytobench.errors import CytoBenchError
from cytobench.imaging.cellpose import cells_of_nuclei
from cytobench.imaging.matching import match
from cytobench.imaging.segmentation import CellsSpec, NucleiSpec, SegmentationSpec, make_segmenter
from cytobench.schema import validate

SEGMENTER = make_segmenter()


def field(diameter=20, centres=None, shape=(320, 384), brightness=1000.0, noise=20.0):
    """Discs of one diameter with soft edges on a background of 200, and their labels."""
    if centres is None:  # a grid of nuclei, two diameters apart
        step = 2 * diameter
        centres = [(y, x) for y in range(step, shape[0] - diameter, step) for x in range(step, shape[1] - diameter, step)]
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, int)
    for number, (row, column) in enumerate(centres, 1):
        labels[np.hypot(y - row, x - column) < diameter / 2] = number
    bright = np.broadcast_to(brightness, len(centres))
    image = ndimage.gaussian_filter(np.concatenate([[0], bright])[labels].astype(np.float32), 1)
    return image + np.random.default_rng(0).normal(200, noise, shape).astype(np.float32), labels


def found(image, **settings):
    return make_segmenter(SegmentationSpec(nuclei=NucleiSpec(**settings))).nuclei(image.astype(np.float32))


def is_consecutive(labels):
    return labels.dtype == np.int32 and np.array_equal(np.unique(labels[labels > 0]), np.arange(1, labels.max() + 1))


@pytest.mark.parametrize("diameter", [15, 20, 34, 60, 90])
def test_nuclei_of_any_size_are_found_without_being_told_the_size(diameter):
    image, truth = field(diameter, shape=(400, 480))
    labels = SEGMENTER.nuclei(image)
    assert match(truth, labels, 0.8).f1 == 1
    assert is_consecutive(labels)


def test_touching_nuclei_are_divided():
    centres = [(60, 60), (60, 84), (160, 60), (160, 87), (176, 109), (240, 200)]
    image, truth = field(30, centres)
    assert match(truth, SEGMENTER.nuclei(image), 0.6).f1 == 1


def test_a_long_nucleus_and_a_spotted_one_stay_whole():
    y, x = np.mgrid[:200, :300]
    long = ((y - 60) / 12) ** 2 + ((x - 80) / 30) ** 2 < 1
    round_ = np.hypot(y - 130, x - 200) < 25
    spots = sum(np.hypot(y - 130 - dy, x - 200 - dx) < 5 for dy, dx in [(-10, -8), (8, 10), (10, -10)])
    image = ndimage.gaussian_filter(1000.0 * long + 700 * round_ + 500 * spots, 1.5) + 100
    assert match(long + 2 * round_, SEGMENTER.nuclei(image), 0.8).f1 == 1


@pytest.mark.parametrize("bright", [1, 3, 5])
def test_faint_nuclei_beside_bright_ones_are_found(bright):
    centres = [(60, 60), (60, 100), (160, 60), (160, 200), (240, 120), (240, 300)]
    image, truth = field(26, centres, brightness=[1600] * bright + [400] * (6 - bright))
    assert match(truth, SEGMENTER.nuclei(image), 0.7).f1 == 1


def test_uneven_background_does_not_matter():
    image, truth = field(30)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    assert match(truth, SEGMENTER.nuclei(image + 6 * x + 0.01 * y**2), 0.8).f1 == 1


@pytest.mark.parametrize("shape", [(320, 384), (1024, 1280)])
def test_no_nuclei_in_noise_or_in_nothing(shape):
    generator = np.random.default_rng(0)
    y, x = np.mgrid[: shape[0], : shape[1]]
    empty = {
        "constant": np.full(shape, 7),
        "zero": np.zeros(shape),
        "gaussian": generator.normal(100, 10, shape),
        "poisson": generator.poisson(5, shape),
        "uniform": generator.uniform(0, 1, shape),
        "gradient": y + 2 * x,
        "vignette": 1000 - 400 * ((y / shape[0] - 0.5) ** 2 + (x / shape[1] - 0.5) ** 2) + generator.normal(0, 5, shape),
    }
    assert {name: int(found(image).max()) for name, image in empty.items()} == dict.fromkeys(empty, 0)


def test_one_faint_nucleus_in_noise_is_found():
    image, truth = field(40, [(150, 200)], brightness=30, noise=15)
    assert match(truth, SEGMENTER.nuclei(image), 0.7).f1 == 1
    assert found(image, contrast=50).max() == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 3), (5, 7), (2, 300), (12, 12)])
def test_images_smaller_than_any_window_give_labels_of_their_shape(shape):
    for image in (np.ones(shape), np.random.default_rng(0).normal(100, 10, shape), np.arange(np.prod(shape)).reshape(shape)):
        labels = found(image)
        cells = SEGMENTER.cells(np.stack([image, image]), np.ones(shape, np.int32))
        assert labels.shape == shape and is_consecutive(labels)
        assert np.array_equal(cells, np.ones(shape))


@pytest.mark.parametrize("scale", [2.0**-12, 16, 256])
def test_the_unit_of_intensity_does_not_matter(scale):
    image, _ = field(24)
    nuclei = SEGMENTER.nuclei(image)
    cells = SEGMENTER.cells(image[None], nuclei)
    assert nuclei.max() > 30
    assert np.array_equal(SEGMENTER.nuclei(image * np.float32(scale)), nuclei)
    assert np.array_equal(SEGMENTER.cells(image[None] * np.float32(scale), nuclei), cells)


def test_8_and_16_bits_of_the_same_picture_give_the_same_nuclei():
    image, truth = field(24)
    coarse = np.clip(image / 8, 0, 255).astype(np.uint8)
    labels = SEGMENTER.nuclei(coarse)
    assert match(truth, labels, 0.8).f1 == 1
    assert np.mean(labels == SEGMENTER.nuclei(coarse.astype(np.uint16) * 257)) > 0.999


def test_the_same_field_gives_the_same_labels_and_is_left_as_it_was():
    image, _ = field()
    before = image.copy()
    nuclei = SEGMENTER.nuclei(image)
    assert np.array_equal(nuclei, make_segmenter().nuclei(image))
    SEGMENTER.cells(image[None], nuclei)
    assert np.array_equal(image, before)


def test_every_nucleus_is_in_one_piece():
    image, _ = field(60, noise=150)
    labels = SEGMENTER.nuclei(image)
    assert labels.max() > 3
    assert all(ndimage.label(labels == number)[1] == 1 for number in range(1, labels.max() + 1))


def test_each_setting_of_nuclei_does_what_it_says():
    image, truth = field(30)
    dirty = image.copy()
    dirty[100:106, 90:96] += 1000
    touching, _ = field(30, [(60, 60), (60, 84), (200, 100), (240, 200)])
    areas = {edge: (found(image, edge=edge) > 0).sum() for edge in (0.2, 0.5, 0.8)}
    assert found(dirty, smallest=0.02).max() == truth.max() + 1 == found(dirty, smallest=0.15).max() + 1
    assert areas[0.2] > areas[0.5] > areas[0.8]
    assert found(touching, merging=1).max() < found(touching).max() == 4
    assert found(image, diameter=200).max() == 0, "all smaller than the smallest nucleus of that size"
    assert found(image, smoothing=1).max() < truth.max() == found(image, smoothing=0).max()


def tissue():
    """Nuclei, and cell bodies three times as wide around them: bright in one channel, dim in the other, touching in pairs."""
    centres = [(80, 80), (80, 140), (200, 100), (200, 300)]
    dna, nuclei = field(24, centres)
    body, cells = field(72, centres, brightness=[600, 800, 500, 900])
    return dna, nuclei.astype(np.int32), np.stack([body, 0.3 * body]), cells


def test_cells_hold_their_nucleus_and_fill_their_body():
    _, nuclei, bodies, truth = tissue()
    cells = SEGMENTER.cells(bodies, nuclei)
    assert np.array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    assert is_consecutive(cells)
    assert np.mean((truth > 0) == (cells > 0)) > 0.97
    assert match(truth, cells, 0.7).f1 == 1


def test_a_channel_of_noise_or_a_constant_one_changes_little():
    _, nuclei, bodies, _ = tissue()
    cells = SEGMENTER.cells(bodies, nuclei)
    noise = np.random.default_rng(1).normal(100, 10, (1, *nuclei.shape)).astype(np.float32)
    for useless in (noise, np.full_like(noise, 3)):
        assert match(cells, SEGMENTER.cells(np.concatenate([bodies, useless]), nuclei), 0.85).f1 == 1


def test_without_a_body_a_cell_is_its_nucleus_and_without_nuclei_there_are_no_cells():
    _, nuclei, bodies, _ = tissue()
    assert np.array_equal(SEGMENTER.cells(np.ones_like(bodies), nuclei), nuclei)
    assert SEGMENTER.cells(bodies, np.zeros_like(nuclei)).max() == 0


def test_each_setting_of_cells_does_what_it_says():
    _, nuclei, bodies, _ = tissue()

    def area(**settings):
        return (make_segmenter(SegmentationSpec(cells=CellsSpec(**settings))).cells(bodies, nuclei) > 0).sum()

    assert area(foreground=0.3) > area(foreground=1) > area(foreground=1.6)
    assert area() > area(reach=0.5) > area(reach=0.1) >= (nuclei > 0).sum()


def test_unknown_and_impossible_settings_are_refused_by_name():
    with pytest.raises(CytoBenchError, match="unknown key 'diametre' in nuclei; did you mean 'diameter'"):
        validate(SegmentationSpec, {"nuclei": {"diametre": 30}}, "spec.yaml")
    for nuclei in ({"diameter": 0}, {"edge": 1}, {"smallest": -1}, {"contrast": -1}):
        with pytest.raises(CytoBenchError, match=f"nuclei.{next(iter(nuclei))}"):
            validate(SegmentationSpec, {"nuclei": nuclei}, "spec.yaml")
    with pytest.raises(CytoBenchError, match="segmenter"):
        validate(SegmentationSpec, {"segmenter": "otsu"}, "spec.yaml")


def test_it_needs_neither_torch_nor_data_sets():
    code = "import sys\nfrom cytobench.imaging import matching, segmentation as s\ns.make_segmenter()\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "cytobench.imaging.watershed" in loaded
    assert {"torch", "cellpose", "cytobench.datasets", "cytobench.cli", "cytobench.runner"}.isdisjoint(loaded)


CELLPOSE = SegmentationSpec(segmenter="cellpose", nuclei=NucleiSpec(diameter=30))


def test_absent_cellpose_is_one_sentence_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "cellpose", None)
    with pytest.raises(CytoBenchError, match=r"pip install 'cytobench\[cellpose\]'"):
        make_segmenter(CELLPOSE)


@pytest.fixture(params=[3, 4])
def cellpose(request, monkeypatch):
    """A stand-in for cellpose 3 or 4 that records its calls and returns the masks it is told to."""
    told = SimpleNamespace(version=request.param, models=[], calls=[], masks=None)

    class CellposeModel:
        def __init__(self, gpu=False, **settings):
            told.models.append({"gpu": gpu, **settings})
            self.settings = settings

        def eval(self, x, **settings):
            told.calls.append((self.settings.get("model_type"), x, settings))
            return told.masks, [], []

    models = ModuleType("cellpose.models")
    models.CellposeModel = CellposeModel
    if told.version == 3:
        models.Cellpose = object
    package = ModuleType("cellpose")
    package.models = models
    monkeypatch.setitem(sys.modules, "cellpose", package)
    monkeypatch.setitem(sys.modules, "cellpose.models", models)
    return told


def test_cellpose_is_given_the_dna_and_its_masks_are_numbered_anew(cellpose):
    dna, nuclei, _, _ = tissue()
    cellpose.masks = (nuclei * 3).astype(np.uint16)
    labels = make_segmenter(CELLPOSE).nuclei(dna)
    ((model, given, settings),) = cellpose.calls
    assert np.array_equal(labels, nuclei) and labels.dtype == np.int32
    assert np.array_equal(given, dna) and given.dtype == np.float32
    assert model == ("nuclei" if cellpose.version == 3 else None)
    assert settings == {"diameter": 30, **({"channels": [0, 0]} if cellpose.version == 3 else {})}


def test_cellpose_is_given_the_body_and_the_nuclei_and_each_cell_gets_its_nucleus(cellpose):
    _, nuclei, bodies, truth = tissue()
    cellpose.masks = np.where(truth > 0, 5 - truth, 0).astype(np.uint16)
    cells = make_segmenter(CELLPOSE).cells(bodies, nuclei)
    ((model, given, settings),) = cellpose.calls
    assert match(truth, cells, 0.99).f1 == 1
    assert np.array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    assert given.shape == (2, *nuclei.shape) and np.array_equal(given[1] > 0, nuclei > 0)
    assert given[0][truth > 0].mean() > 0.5 > 0.2 > given[0][truth == 0].mean()
    assert model == ("cyto3" if cellpose.version == 3 else None)
    assert settings == {"channel_axis": 0, **({"channels": [1, 2]} if cellpose.version == 3 else {})}


def test_cellpose_is_not_asked_about_nothing(cellpose):
    segmenter = make_segmenter(CELLPOSE)
    nothing = np.zeros((20, 20), np.int32)
    assert segmenter.nuclei(nothing).max() == 0 and segmenter.cells(nothing[None], nothing).max() == 0
    assert cellpose.calls == []
    assert all(model["gpu"] for model in cellpose.models) and len(cellpose.models) == (2 if cellpose.version == 3 else 1)


def test_a_mask_is_shared_by_its_nuclei_dropped_without_one_and_a_nucleus_without_one_is_a_cell():
    nuclei, masks = np.zeros((1, 40), np.int32), np.zeros((1, 40), np.int32)
    nuclei[0, [2, 3, 8, 9, 30]] = [1, 1, 2, 2, 3]
    masks[0, 0:12], masks[0, 20:25] = 4, 9
    expected = np.zeros((1, 40), int)
    expected[0, 0:6], expected[0, 6:12], expected[0, 30] = 1, 2, 3
    assert np.array_equal(cells_of_nuclei(masks, nuclei), expected)
