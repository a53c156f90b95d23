"""What CellProfiler's features cost: many cells at once, on one core and two, and cp_measure's featurizer called for each cell.

    OMP_NUM_THREADS=1 python -m pytest benchmarks/performance/test_cellprofiler_features.py --benchmark-enable \
        --benchmark-columns=min,median,rounds

on the data set ``bbbc021-crops``. Quote the ratio of the times inside a group, never a time; cells a second are in the extra
information of each.
"""

import warnings

import numpy as np
import pytest
import torch
from cp_measure.featurizer import featurize, make_featurizer_config
from joblib import parallel_config

from cytobench import registry
from cytobench.datasets.opening import open_dataset
from cytobench.errors import CytoBenchError
from cytobench.imaging.crop_masks import segment_crops
from cytobench.method import CellBatch, Method
from cytobench.training.recipe import choose_recipe, read_recipes
from cytobench_methods.cellprofiler import naming
from cytobench_methods.cellprofiler.families import TEXTURE_SCALES

CELLS, ROUNDS = 64, 3


@pytest.fixture(scope="module")
def batch() -> CellBatch:
    """Real cells with their masks."""
    try:
        store = open_dataset("bbbc021-crops")
    except CytoBenchError as error:
        pytest.skip(str(error))
    images = store.images(np.arange(8, 8 + 20 * CELLS, 20))
    masks = torch.from_numpy(segment_crops(images, store.channels))
    return CellBatch(torch.from_numpy(images / np.float32(65535)), masks, store.channels)


def make(channels: tuple[str, ...], variant: str) -> Method:
    entry = registry.method("cellprofiler")
    return entry.load_class()(choose_recipe(read_recipes(entry.recipe_file), variant, [], "cellprofiler")[1], channels, 68, 0)


@pytest.mark.benchmark(group="CellProfiler's features of 64 cells")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("variant", ["full", "fast"])
def test_cellprofiler(benchmark, batch, variant, jobs):
    method = make(batch.channels, variant)
    with parallel_config("loky", n_jobs=jobs):
        method.embed(batch)  # the workers are started
        vectors = benchmark.pedantic(lambda: method.embed(batch), rounds=ROUNDS)
    if benchmark.enabled:
        benchmark.extra_info["cells_per_second"] = CELLS / benchmark.stats.stats.min
    assert vectors.shape == (CELLS, len(method.feature_names))


@pytest.mark.benchmark(group="CellProfiler's features of 64 cells")
def test_cellprofiler_cell_by_cell(benchmark, batch):
    theirs = benchmark.pedantic(lambda: cell_by_cell(batch), rounds=ROUNDS)
    method = make(batch.channels, "full")
    ours = dict(zip(method.feature_names, method.embed(batch).T, strict=True))
    names = set(theirs) & set(ours)
    assert len(names) > 0.97 * len(ours)
    for name in names:
        expected = np.where(np.isfinite(theirs[name]), theirs[name], np.nan)
        np.testing.assert_allclose(ours[name], expected, rtol=1e-5, atol=1e-6, err_msg=name)


def cell_by_cell(batch: CellBatch) -> dict[str, np.ndarray]:
    """As cp_measure's README does it: one image and the masks of its objects a call; texture at the second scale by itself."""
    images, masks = batch.images.numpy().astype(float), batch.masks.numpy()
    objects = np.stack([masks == 2, masks > 0, masks == 1], axis=1).astype(np.int32)
    names = {"channels": list(batch.channels), "objects": list(naming.OBJECTS), "legacy": True}
    first, second = ({"texture_params": {"scale": scale}} for scale in TEXTURE_SCALES)
    none = dict.fromkeys([key for key, on in make_featurizer_config(["DNA"]).items() if on is True and key != "texture"], False)
    scale = {"correlation_costes_params": {"scale_max": 65535}, "sizeshape_params": {"new_features": False}}
    configs = (
        make_featurizer_config(**names, **first, **scale),
        make_featurizer_config(**{**names, **none, **second, "legacy": True}),
    )
    found: dict[str, np.ndarray] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for cell in range(len(images)):
            for config in configs:
                values, columns, rows = featurize(images[cell : cell + 1], objects[cell : cell + 1], config)
                for row, (_, kind, _) in zip(values, rows, strict=True):
                    for column, value in zip(columns, row, strict=True):
                        if name := named(column, batch.channels):
                            found.setdefault(f"{kind}_{name}", np.full(len(images), np.nan))[cell] = value
    return found


def named(column: str, order: tuple[str, ...]) -> str | None:
    """CellProfiler's name; None for a pair of channels in the order that it has not."""
    key, *channels = column.split("__")
    if len(channels) == 2:
        return naming.of_pair(key, *channels) if order.index(channels[0]) < order.index(channels[1]) else None
    if not channels:
        return naming.of_shape(key)
    whole = key.split("_")[0] in ("Intensity", "Location", "Granularity", "RadialDistribution")
    return (naming.of_channel if whole else naming.of_texture)(key, *channels)
