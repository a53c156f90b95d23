"""CellProfiler's measurements: those of cp_measure's own interface, by their names, and what their names say."""

import csv
import itertools
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from cases import MethodCase, disc_masks, embed, make, recipe_of
from cp_measure.featurizer import featurize, make_featurizer_config
from joblib import parallel_config

from cytobench import registry
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.imaging.crop_masks import Found, find_cells
from cytobench.method import CellBatch, Method
from cytobench_methods.cellprofiler import ljosa, naming
from cytobench_methods.cellprofiler.families import TEXTURE_SCALES, choose_families
from cytobench_methods.cellprofiler.measuring import measure
from cytobench_methods.cellprofiler.method import GRIDS, is_on_grid

CHANNELS = ("DAPI", "Actin", "Tubulin")
Y, X = np.mgrid[:64, :64]


class TestCellProfiler(MethodCase):
    name = "cellprofiler"

    @pytest.fixture
    def method(self, tiny_store: CellStore) -> Method:
        """The fast variant: the slow families are compared with cp_measure below."""
        return make(self.name, tiny_store, 0, "features=fast")

    def test_seed_fixes_the_method(self, tiny_store: CellStore, method: Method, batch: CellBatch):
        """Nothing is random: another seed measures the same."""
        other = make(self.name, tiny_store, 1, "features=fast")
        assert np.array_equal(embed(method, batch), embed(other, batch), equal_nan=True)

    @pytest.mark.parametrize("rows", [[5], [9, 5, 0], list(range(16))[::-1]])
    def test_a_cell_does_not_depend_on_its_batch(self, method: Method, batch: CellBatch, rows: list[int]):
        part = batch.map(lambda tensor: tensor[rows])
        np.testing.assert_allclose(embed(method, part), embed(method, batch)[rows], rtol=1e-5, atol=1e-7)

    def test_full_measures_what_fast_does_and_more(self, tiny_store: CellStore, method: Method, batch: CellBatch):
        full = make(self.name, tiny_store)
        few = CellBatch(batch.images[:2], batch.masks[:2], batch.channels)
        wide = pd.DataFrame(embed(full, few), columns=full.feature_names)
        narrow = pd.DataFrame(embed(method, few), columns=method.feature_names)
        pd.testing.assert_frame_equal(wide[narrow.columns], narrow)
        extra = {"_".join(name.split("_")[1:3]) for name in set(wide) - set(narrow)}
        assert {name for name in extra if not name.startswith(("Granularity", "RadialDistribution"))} == {
            "AreaShape_Zernike",
            "Correlation_Costes",
        }

    def test_results_do_not_depend_on_the_number_of_jobs(self, method: Method, batch: CellBatch):
        many = CellBatch(batch.images.repeat(3, 1, 1, 1)[:37], batch.masks.repeat(3, 1, 1)[:37], batch.channels)
        alone = embed(method, many)
        with parallel_config("loky", n_jobs=2):
            assert np.array_equal(embed(method, many), alone, equal_nan=True)

    def test_refuses_cells_without_masks(self, method: Method, batch: CellBatch):
        with pytest.raises(CytoBenchError, match=r"it was given none; set -o input\.masks=true$"):
            method.embed(CellBatch(batch.images, None, batch.channels))

    @pytest.mark.parametrize(("bits", "levels", "found"), [(8, 65535, 255), (16, 255, 65535), (16, 4095, 65535)])
    def test_refuses_levels_that_the_images_do_not_have(self, bits: int, levels: int, found: int):
        with pytest.raises(CytoBenchError, match=rf"have {bits} bits, but levels is {levels}; set -o levels={found}$"):
            with_levels(levels).embed(scaled(bits))

    @pytest.mark.parametrize(("bits", "depth", "levels"), [(8, 8, 255), (16, 16, 65535), (16, 12, 65535), (16, 8, 65535)])
    @pytest.mark.parametrize("shift", [False, True])
    def test_takes_the_levels_of_the_images_at_any_depth_of_the_camera(self, bits: int, depth: int, levels: int, shift: bool):
        assert len(with_levels(levels).embed(scaled(bits, depth, shift))) == 1

    @pytest.mark.parametrize("overrides", [("features=fast",), ("input.scaling=luminance",)])
    def test_levels_do_not_matter_without_costes_or_a_grid(self, overrides: tuple[str, ...]):
        assert len(with_levels(65535, *overrides).embed(scaled(8))) == 1

    @pytest.mark.parametrize("levels", [255, 65535])
    def test_black_and_white_crops_have_any_levels(self, levels: int):
        black_and_white = (scaled(8).images > 0.5).float()
        assert len(with_levels(levels).embed(CellBatch(black_and_white, disc_masks(1, 64), ("DNA", "Actin")))) == 1

    @pytest.mark.parametrize("value", [1.01, -0.01, float("nan")])
    def test_refuses_images_outside_0_1(self, method: Method, batch: CellBatch, value: float):
        images = batch.images.clone()
        images[3, 1, 5, 5] = value
        with pytest.raises(CytoBenchError, match=r"images in \[0, 1\] without NaN; scale them"):
            method.embed(CellBatch(images, batch.masks, batch.channels))

    def test_refuses_two_channels_of_one_name(self):
        with pytest.raises(CytoBenchError, match="two have one name"):
            registry.method(self.name).load_class()(recipe_of(self.name), ("DNA", "DNA"), 64, 0)


def with_levels(levels: int, *overrides: str) -> Method:
    recipe = recipe_of("cellprofiler", f"levels={levels}", *overrides)
    return registry.method("cellprofiler").load_class()(recipe, ("DNA", "Actin"), 64, 0)


def scaled(bits: int, depth: int | None = None, shift: bool = False) -> CellBatch:
    """A crop of a camera of ``depth`` bits, in pixels of ``bits``, as a store scales it by its range."""
    pixels = np.random.default_rng(0).integers(0, 2 ** (depth or bits), (1, 2, 64, 64)) << (shift * (bits - (depth or bits)))
    return CellBatch(torch.from_numpy(pixels.astype(np.float32) / np.float32(2**bits - 1)), disc_masks(1, 64), ("DNA", "Actin"))


def test_every_grey_value_is_on_its_grid():
    for levels in GRIDS:
        assert is_on_grid((np.arange(levels + 1, dtype=np.float32) / np.float32(levels)).astype(float), levels)
    for pixel in range(1, 257):
        assert not is_on_grid(np.array([pixel], np.float32) / np.float32(65535), 255)


WORKING = """
import torch
from cases import disc_masks, recipe_of
from cytobench import registry
from cytobench.method import CellBatch
from joblib import parallel_config
method = registry.method("cellprofiler").load_class()(recipe_of("cellprofiler"), ("DNA", "Actin"), 64, 0)
cells = CellBatch(torch.rand(64, 2, 64, 64), disc_masks(64, 64), ("DNA", "Actin"))
with parallel_config("loky", n_jobs=2):
    method.embed(cells)
    print("at work", flush=True)
    while True:
        method.embed(cells)
"""


def test_no_worker_outlives_a_killed_run():
    folder = Path(__file__).parent
    with subprocess.Popen([sys.executable, "-c", WORKING], stdout=subprocess.PIPE, cwd=folder, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "at work\n"
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert len(workers) >= 2
    _, left = psutil.wait_procs(workers, timeout=10)
    for worker in left:
        worker.kill()
    assert left == [], "a worker outlived the process that it worked for"


def cells(count: int = 3, channels: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Textured elliptic cells, the last of which leaves the crop."""
    generator = np.random.default_rng(seed)
    masks, images = [], []
    for number in range(count):
        shift = 26 if number == count - 1 else 0
        radius = np.hypot((Y - 32) / (14 + number), (X - 33 - shift) / (17 - number))
        masks.append(np.where(radius < 0.6, 2, np.where(radius < 1.3, 1, 0)))
        wave = [np.sin(X / (2 + c)) * np.cos(Y / (3 + c)) for c in range(channels)]
        images.append([np.exp(-(radius**2)) * (0.5 + 0.1 * w) + generator.uniform(0.02, 0.1, Y.shape) for w in wave])
    return np.array(images), np.array(masks, np.uint8)


def measured(images: np.ndarray, masks: np.ndarray, full: bool = True) -> dict[str, np.ndarray]:
    channels = tuple(CHANNELS[: images.shape[1]])
    return measure(images, masks, channels, choose_families(full=full, levels=65535))


def by_cp_measure(images: np.ndarray, masks: np.ndarray, scale: int) -> dict[str, np.ndarray]:
    """CellProfiler's name -> values, each object measured by cp_measure's featurizer alone in its crop."""
    config = make_featurizer_config(
        list(CHANNELS),
        objects=list(naming.OBJECTS),
        legacy=True,
        sizeshape_params={"new_features": False},
        texture_params={"scale": scale},
        correlation_costes_params={"scale_max": 65535},
    )
    objects = np.stack([masks == 2, masks > 0, masks == 1], axis=1).astype(np.int32)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        values, columns, rows = featurize(images, objects, config)
    found: dict[str, np.ndarray] = {}
    for row, (cell, kind, _) in zip(values, rows, strict=True):
        for column, value in zip(columns, row, strict=True):
            if name := named(column):
                found.setdefault(f"{kind}_{name}", np.full(len(images), np.nan))[cell] = value
    return found


def named(column: str) -> str | None:
    key, *channels = column.split("__")
    if len(channels) == 2:  # theirs has both orders of a pair, CellProfiler the first
        return naming.of_pair(key, *channels) if CHANNELS.index(channels[0]) < CHANNELS.index(channels[1]) else None
    if not channels:
        return naming.of_shape(key)
    by_category = key.split("_")[0] in ("Intensity", "Location", "Granularity", "RadialDistribution")
    return (naming.of_channel if by_category else naming.of_texture)(key, *channels)


def test_values_are_those_of_cp_measure_called_cell_by_cell():
    images, masks = cells()
    ours = measured(images, masks)
    theirs = {name: value for scale in TEXTURE_SCALES for name, value in by_cp_measure(images, masks, scale).items()}
    compared = [name for name in theirs if naming.is_kept(name)]
    assert set(ours) - set(compared) == {name for name in ours if "_Correlation_K_" in name or "_Correlation_Overlap_" in name}
    for name in compared:
        expected = np.where(np.isfinite(theirs[name]), theirs[name], np.nan)
        np.testing.assert_allclose(ours[name], expected, rtol=1e-8, atol=1e-10, err_msg=name)


def test_what_is_left_out_is_undefined_zero_a_place_or_of_the_image():
    images, masks = cells()
    theirs = by_cp_measure(images, masks, 3)
    left_out = {name.split("_", 1)[1]: value for name, value in theirs.items() if not naming.is_kept(name)}
    assert {name for name, value in left_out.items() if np.isnan(value).all()} == set(naming.NEVER_FINITE)
    assert all(np.abs(left_out[name]).max() < 1e-6 for name in naming.ALWAYS_ZERO)
    slopes = {f"Correlation_Slope_{one}_{other}" for one, other in itertools.combinations(CHANNELS, 2)}
    assert {name for name in left_out if name.startswith(naming.OF_IMAGES)} == slopes
    places = set(left_out) - set(naming.NEVER_FINITE) - set(naming.ALWAYS_ZERO) - slopes
    assert all(name.split("_")[0] == "Location" or name.split("_")[1][:6] in ("Center", "Boundi") for name in places)


def test_shapes_of_an_ellipse():
    inside = ((Y - 31.5) / 12) ** 2 + ((X - 31.5) / 24) ** 2 <= 1
    found = measured(np.full((1, 1, 64, 64), 0.5), inside.astype(np.uint8)[None] * 2)
    shape = {name: found[f"Nuclei_AreaShape_{name}"][0] for name in ("Area", "Eccentricity", "MajorAxisLength", "Perimeter")}
    assert shape["Area"] == inside.sum()
    assert shape["Eccentricity"] == pytest.approx(np.sqrt(1 - 0.25), abs=0.01)
    assert shape["MajorAxisLength"] == pytest.approx(48, rel=0.02)
    assert shape["Perimeter"] == pytest.approx(116.3, rel=0.03)  # Ramanujan's approximation
    assert found["Nuclei_AreaShape_MaxFeretDiameter"][0] == pytest.approx(48, abs=2)
    assert abs(found["Nuclei_AreaShape_Orientation"][0]) == pytest.approx(90, abs=1)


def test_intensities_and_correlations_by_numpy():
    images, masks = cells()
    found = measured(images, masks, full=False)
    for kind, inside in {"Nuclei": masks == 2, "Cells": masks > 0, "Cytoplasm": masks == 1}.items():
        for cell in range(3):
            dna, actin = (images[cell, channel][inside[cell]] for channel in (0, 1))
            values = {
                "Intensity_MeanIntensity_DAPI": dna.mean(),
                "Intensity_IntegratedIntensity_Actin": actin.sum(),
                "Intensity_StdIntensity_Actin": actin.std(),
                "Intensity_MaxIntensity_DAPI": dna.max(),
                "Correlation_Correlation_DAPI_Actin": np.corrcoef(dna, actin)[0, 1],
                "AreaShape_Area": inside[cell].sum(),
            }
            for name, value in values.items():
                assert found[f"{kind}_{name}"][cell] == pytest.approx(value), name


def test_a_constant_image_has_no_texture_contrast_and_its_own_mean():
    found = measured(np.full((1, 1, 64, 64), 0.5), cells(1)[1])
    assert found["Cells_Intensity_MeanIntensity_DAPI"][0] == pytest.approx(0.5)
    assert found["Cells_Intensity_StdIntensity_DAPI"][0] == pytest.approx(0, abs=1e-9)
    assert found["Cells_Texture_Contrast_DAPI_3_00_256"][0] == 0
    assert found["Cells_Texture_AngularSecondMoment_DAPI_10_02_256"][0] == pytest.approx(1)


def test_an_object_that_is_not_there_is_nan_and_changes_no_other():
    images, masks = cells()
    fewer = masks.copy()
    fewer[0][fewer[0] == 1] = 0  # no cytoplasm
    fewer[1] = 0  # no cell at all
    whole, found = measured(images, masks), measured(images, fewer)
    for name, values in found.items():
        assert np.isnan(values[1]), name
        if name.startswith("Cytoplasm"):
            assert np.isnan(values[0]), name
        if name.startswith("Nuclei"):
            np.testing.assert_allclose(values[0], whole[name][0], rtol=1e-9, err_msg=name)
        np.testing.assert_allclose(values[2], whole[name][2], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("pixels", [0, 1, 2, 3, 64 * 64])
def test_degenerate_cells_are_measured(pixels: int):
    mask = np.zeros((1, 64, 64), np.uint8)
    mask.reshape(-1)[:pixels] = 2
    method = registry.method("cellprofiler").load_class()(recipe_of("cellprofiler"), ("DNA", "Actin"), 64, 0)
    for images in (torch.zeros(1, 2, 64, 64), torch.ones(1, 2, 64, 64), torch.rand(1, 2, 64, 64)):
        values = pd.Series(method.embed(CellBatch(images, torch.from_numpy(mask), ("DNA", "Actin")))[0], method.feature_names)
        assert not np.isinf(values).any()
        area = values["Nuclei_AreaShape_Area"]
        assert area == pixels or (pixels == 0 and np.isnan(area))


def test_a_black_channel_leaves_the_other_cells_their_overlap():
    images, masks = cells()
    black = images.copy()
    black[1, 2] = 0
    whole, found = measured(images, masks, full=False), measured(black, masks, full=False)
    name = "Cells_Correlation_Overlap_DAPI_Tubulin"
    assert np.isnan(found[name]).tolist() == [False, True, False]
    np.testing.assert_allclose(found[name][[0, 2]], whole[name][[0, 2]], rtol=1e-12)
    a, b = (images[0, channel][masks[0] > 0] for channel in (0, 2))
    both = (a >= 0.15 * a.max()) & (b >= 0.15 * b.max())
    a, b = a[both], b[both]
    assert whole[name][0] == pytest.approx((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_every_pair_of_channels_is_correlated(channels: int):
    names = tuple(f"stain{number}" for number in range(channels))
    found = registry.method("cellprofiler").load_class()(recipe_of("cellprofiler"), names, 64, 0).feature_names
    prefix = "Cells_Correlation_Correlation_"
    assert not any("Slope" in name for name in found)  # CellProfiler writes it of images only
    pairs = {f"{prefix}{one}_{other}" for one, other in itertools.combinations(names, 2)}
    assert {name for name in found if name.startswith(prefix)} == pairs
    assert len(found) == len(set(found))


@pytest.fixture(scope="module")
def ours() -> list[str]:
    return list(registry.method("cellprofiler").load_class()(recipe_of("cellprofiler"), CHANNELS, 68, 0).feature_names)


def test_every_feature_of_ljosa_is_ours_or_said_not_to_be(data, ours):
    theirs = pd.read_csv(data / "ljosa2013" / "per_well_mean.csv.gz", nrows=0).columns
    theirs = [name for name in theirs if not name.startswith("Image_")]
    with ljosa.TABLE.open(encoding="utf-8", newline="") as file:
        rows = [tuple(row.values()) for row in csv.DictReader(file)]
    assert len(theirs) == 516
    assert rows == [(name, *ljosa.counterpart(name)) for name in theirs]
    assert all(bool(mine) != bool(why) for _, mine, why in rows)
    mapped = [mine for _, mine, _ in rows if mine]
    assert len(mapped) == len(set(mapped)) == 425 and set(mapped) <= set(ours)
    why = pd.Series([why for *_, why in rows if why]).value_counts()
    assert why.to_dict() == {ljosa.NOT_OF_A_CROP: 71, ljosa.A_NUMBER: 6, ljosa.NOT_MEASURED: 14}
    assert len(theirs) == 71 + 6 + 14 + 425
    numbers = {name for name, _, reason in rows if reason == ljosa.A_NUMBER}
    assert numbers == {name for name in theirs if "_Parent_" in name or "_Number_" in name}


def test_a_table_of_ours_can_be_laid_beside_ljosas(ours):
    table = pd.DataFrame([range(len(ours))] * 2, columns=ours).assign(Metadata_Well=["A01", "A02"])
    renamed = ljosa.as_ljosa(table)
    assert renamed.shape == (2, 426) and list(renamed["Image_Metadata_Well"]) == ["A01", "A02"]
    name = "Nuclei_Texture_Contrast_CorrDAPI_10_0"
    assert ljosa.ljosa_name("Nuclei_Texture_Contrast_DAPI_10_00_256") == name
    assert renamed[name][0] == table["Nuclei_Texture_Contrast_DAPI_10_00_256"][0]
    assert ljosa.ljosa_name("Cells_Granularity_1_DAPI") is None


def test_the_published_table_is_merged_in_two_lines(data, ours):
    """The lines of the module's docstring, on the wells of real crops."""
    table = data / "ljosa2013" / "per_well_mean.csv.gz"
    lines = [line.strip() for line in str(ljosa.__doc__).splitlines() if line.startswith("    ")]
    index = pd.read_csv(data / "bbbc021_cells" / "cells_index.csv").drop_duplicates(["plate", "well"])
    wells = index.rename(columns={"plate": "Metadata_Plate", "well": "Metadata_Well"})[["Metadata_Plate", "Metadata_Well"]]
    values = pd.DataFrame(np.random.default_rng(0).normal(size=(len(wells), len(ours))), wells.index, ours)
    names = {"pd": pd, "as_ljosa": ljosa.as_ljosa, "KEYS": ljosa.KEYS, "ours": pd.concat([wells, values], axis=1)}
    assert len(lines) == 2
    exec("\n".join(lines).replace("ljosa2013/per_well_mean.csv.gz", str(table)), names)
    both = names["both"]
    assert isinstance(both, pd.DataFrame)
    assert len(both) > 100 and both.shape[1] == 2 + 516 + 425
    name, keys = "Cells_AreaShape_Area", list(ljosa.KEYS.values())
    merged = both.set_index(keys)[[f"{name}_ours", f"{name}_theirs"]]
    published = pd.read_csv(table).set_index(keys)[name]
    assert merged[f"{name}_theirs"].equals(published[merged.index].rename(f"{name}_theirs"))
    mine = values[name].set_axis(pd.MultiIndex.from_frame(wells, names=keys))
    assert merged[f"{name}_ours"].equals(mine[merged.index].rename(f"{name}_ours"))


def test_few_values_of_real_cells_are_missing(data, ours):
    images = np.load(data / "bbbc021_cells" / "cells.npz")["images"][5::80].transpose(0, 3, 1, 2)
    segmented = find_cells(images, CHANNELS)
    shown = [number for number, found in enumerate(segmented.found) if found != Found.NONE]
    found = measured(images[shown] / 65535, segmented.masks[shown])
    missing = pd.Series({name: np.isnan(values).mean() for name, values in found.items()})
    assert list(found) == ours and len(shown) > 20
    assert missing.max() < 1  # no feature is never finite but those left out
    family = missing.groupby(missing.index.str.split("_").str[1:3].str.join("_")).max()
    always = [name for name in family.index if "Texture" not in name and "Costes" not in name]
    assert family[always].max() == 0
    assert missing.mean() < 0.01
