"""What making cells of fields of view costs, beside the plain way of doing it and on one and two cores.

    python -m pytest benchmarks/performance --benchmark-enable --benchmark-columns=min,median,rounds

Quote the ratio of the medians inside a group, never a time. The fields are drawn, 1280 x 1024 px with about a hundred cells.
"""

import shutil
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from skimage.filters.rank import median
from skimage.measure import regionprops
from skimage.util import img_as_ubyte

from cytobench.datasets.image_set import ImageSet
from cytobench.datasets.preparation.field import cells_of
from cytobench.datasets.preparation.prepare import prepare
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.datasets.simulated import read_parameters, simulate_fields
from cytobench.imaging.illumination import IlluminationSpec, enlarged, illumination_function, shrunk
from cytobench.imaging.segmentation import make_segmenter

WELLS = ["B02", "B03", "B04", "B05", "B06", "C02"]
WINDOW = 500
SPEC = PreparationSpec(fields_per_part=2)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> ImageSet:
    """24 fields of one plate in BBBC021's size."""
    parameters = read_parameters().model_copy(update={"field": (1280, 1024), "sites": 4, "cells_per_well": 350.0})
    folder = tmp_path_factory.mktemp("fields") / "plate"
    return ImageSet.read(simulate_fields(folder, parameters=parameters, plates=["Week1_22123"], wells=WELLS))


@pytest.fixture(scope="module")
def few(images) -> list[np.ndarray]:
    """Three of the fields, (3, 1024, 1280) uint16 each."""
    return [np.stack([image.read() for image in field.images]) for field in images.fields("Week1_22123")[:3]]


@pytest.mark.benchmark(group="illumination function of one channel, three fields of 1280 x 1024 px")
def test_illumination(benchmark, few):
    spec = IlluminationSpec(window=WINDOW)

    def estimate() -> np.ndarray:
        return enlarged(illumination_function(np.stack([shrunk(field[0], spec) for field in few]), spec), (1024, 1280))

    assert benchmark(estimate).shape == (1024, 1280)


@pytest.mark.benchmark(group="illumination function of one channel, three fields of 1280 x 1024 px")
def test_illumination_plainly(benchmark, few):
    smoothed = benchmark.pedantic(lambda: np.mean([plain_light(field[0]) for field in few], axis=0), rounds=1)
    assert smoothed.shape == (1024, 1280)


def plain_light(image: np.ndarray) -> np.ndarray:
    """A median filter at full resolution, the fastest of scikit-image: 8 bits and a running histogram."""
    smooth = median(img_as_ubyte(image), np.ones((WINDOW, WINDOW), bool)).astype(np.float32)
    return smooth / max(np.percentile(smooth, 2), 1)


@pytest.mark.benchmark(group="three fields to crops, all channels")
def test_whole_path(benchmark, few):
    segmenter, light = make_segmenter(SPEC.segmentation), SPEC.illumination

    def cells() -> int:
        small = [np.stack([shrunk(field[channel], light) for field in few]) for channel in range(3)]
        functions = enlarged(np.stack([illumination_function(fields, light) for fields in small]), (1024, 1280))
        return sum(len(cells_of(field, functions, segmenter, SPEC).images) for field in few)

    assert benchmark.pedantic(cells, rounds=3) > 100


@pytest.mark.benchmark(group="three fields to crops, all channels")
def test_whole_path_plainly(benchmark, few):
    """Each field by its own median filter, each cell by regionprops; the segmentation is the same."""
    segmenter = make_segmenter(SPEC.segmentation)

    def cells() -> int:
        return sum(len(plain_crops(field, segmenter)) for field in few)

    assert benchmark.pedantic(cells, rounds=1) > 100


def plain_crops(field: np.ndarray, segmenter) -> list[np.ndarray]:
    corrected = np.stack([channel / np.maximum(plain_light(channel), 1) for channel in field]).astype(np.float32)
    nuclei = segmenter.nuclei(corrected[0])
    labels = segmenter.cells(corrected[1:], nuclei)
    crops, half = [], SPEC.crop_size // 2
    for region in regionprops(nuclei, corrected[0]):
        row, column = map(round, region.centroid)
        window = (slice(row - half, row + half), slice(column - half, column + half))
        if min(row, column) >= half and row + half <= field.shape[1] and column + half <= field.shape[2]:
            mask = (labels[window] == region.label).astype(np.uint8) + (nuclei[window] == region.label)
            crops.append(np.concatenate([corrected[:, *window], mask[None]]))
    return crops


class PeakMemory:
    """The most memory, in MB, that this process gained and its children had together."""

    def __enter__(self) -> "PeakMemory":
        self._own, self._ended = psutil.Process(), threading.Event()
        self._before, self.peak = self._own.memory_info().rss, 0
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            held = self._own.memory_info().rss - self._before
            for child in self._own.children(recursive=True):
                try:
                    held += child.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, held // 2**20)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


@pytest.mark.benchmark(group="24 fields of 1280 x 1024 px to a store")
@pytest.mark.parametrize("workers", [1, 2])
def test_prepare(benchmark, images, tmp_path, workers):
    out = Path(tmp_path) / "store"

    def clear() -> None:
        shutil.rmtree(out, ignore_errors=True)

    with PeakMemory() as memory:
        store = benchmark.pedantic(
            lambda: prepare(images, out, SPEC, workers=workers, progress=False), setup=clear, rounds=3, warmup_rounds=1
        )
    benchmark.extra_info["peak memory, MB"] = memory.peak
    benchmark.extra_info["cells"] = len(store)
    assert len(store) > 1000
