"""The anatomy of cell images, on pictures whose anatomy is known, and the benchmark that compares it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.phenotypes.anatomy.benchmark import AnatomyBenchmark
from cytobench.phenotypes.anatomy.distance import OTHERS, Resampling, compare, earth_movers, radial_distance
from cytobench.phenotypes.anatomy.measuring import Anatomy, AnatomySpec, boundary_distance, measure_anatomy
from cytobench.phenotypes.shuffling import shuffled
from cytobench.registry import benchmark
from cytobench.results.measures import Measure, Measures
from cytobench.schema import validate

CHANNELS = ("DAPI", "Tubulin", "Actin")
SPEC = Resampling(samples=200)
Y, X = np.mgrid[:64, :64] - 31.5
AWAY = np.hypot(Y, X)


def cell(radius: float = 10, halo: float = 0.8, core: float = 0.4) -> np.ndarray:
    """(3, 64, 64): a nucleus; tubulin in a ring 4 px wide around it, less within and least beyond; even actin."""
    dna = np.where(radius >= AWAY, 0.9, 0.02)
    tubulin = np.select([radius >= AWAY, radius + 4 >= AWAY, AWAY <= 26], [core, halo, 0.3], 0.02)
    actin = np.where(AWAY <= 26, 0.5, 0.02)
    return np.stack([dna, tubulin, actin]).astype(np.float32)


def cells(n: int, seed: int = 0, halo: float = 0.8) -> np.ndarray:
    generator = np.random.default_rng(seed)
    clean = np.stack([cell(radius, halo) for radius in generator.uniform(8, 12, n)])
    return (clean + generator.normal(0, 0.01, clean.shape)).clip(0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def known() -> Anatomy:
    return measure_anatomy(cell()[None], CHANNELS)


def test_boundary_distance_is_signed_and_its_zero_lies_between_pixels() -> None:
    distance = boundary_distance(AWAY[31] <= 10)
    assert (distance[31], distance[41], distance[42], distance[45]) == (-9.5, -0.5, 0.5, 3.5)


def test_known_nucleus_and_contents(known: Anatomy) -> None:
    assert known.found.tolist() == [True]
    assert known.areas[0] == pytest.approx(np.pi * 10**2, rel=0.12)
    assert known.contents[0, 2] * known.profiles[0, 2, :5] == pytest.approx(0.5, rel=0.001)


def test_known_radial_profile(known: Anatomy) -> None:
    """Tubulin is 0.4 within, 0.8 up to 4 px outside and 0.3 beyond; the edges blur by at most a pixel of segmentation."""
    profile, centres = known.profiles[0, 1] * known.contents[0, 1], AnatomySpec().centres
    assert profile[centres < -2] == pytest.approx(0.4, rel=0.02)
    assert profile[centres == 1] == pytest.approx(0.8, rel=0.02)
    assert profile[(centres > 6) & (centres < 12)] == pytest.approx(0.3, rel=0.02)
    actin = known.profiles[0, 2]
    assert actin[centres < 12] == pytest.approx(actin[0], rel=0.01)


@pytest.mark.parametrize("halo", [0.2, 0.4, 0.8])
def test_halo_is_ring_over_nucleus(halo: float) -> None:
    measured = measure_anatomy(cell(halo=halo)[None], CHANNELS)
    assert measured.properties["tubulin-halo"][0] == pytest.approx(halo / 0.4, rel=0.12)


def test_halo_does_not_depend_on_the_unit_of_intensity(known: Anatomy) -> None:
    dim = measure_anatomy(cell()[None] * np.float32([1, 0.5, 1])[:, None, None], CHANNELS)
    np.testing.assert_allclose(dim.halos, known.halos, rtol=1e-3)
    np.testing.assert_allclose(dim.profiles, known.profiles, rtol=1e-3)
    assert dim.contents[0, 1] == pytest.approx(known.contents[0, 1] / 2, rel=0.01)


def test_where_there_is_no_nucleus_only_the_area_is_missing() -> None:
    measured = measure_anatomy(shuffled(cells(6), 0), CHANNELS)
    assert not measured.found.any() and np.isnan(measured.areas).all()
    assert np.isfinite(measured.contents).all()
    np.testing.assert_allclose(measured.properties["tubulin-halo"].mean(), 1, atol=0.1)
    with_nuclei = measure_anatomy(cells(6), CHANNELS)
    missing = compare(with_nuclei, measured, with_nuclei, SPEC)
    assert missing["nucleus_area"].value == Measure(value=with_nuclei.areas.mean()).value
    assert (missing["no_nucleus"].value, missing["nucleus_area"].n) == (1, 6)
    assert compare(measured, measured, None, SPEC)["tubulin_radial"].value == 0


def test_a_black_channel_is_counted_and_never_helps() -> None:
    """Were images without tubulin left out, a model could show but its few best cells."""
    real, floor, made = cells(30), cells(30, 1), cells(30, 2)
    black = made.copy()
    black[3:, 1] = 0
    first, second, whole, lost = (measure_anatomy(images, CHANNELS) for images in (real, floor, made, black))
    assert not lost.profiles[3:, 1].any() and not lost.halos[3:, 1].any()
    near, far = compare(first, whole, second, SPEC), compare(first, lost, second, SPEC)
    for name in ("tubulin_excess", "tubulin_radial", "halo_distance", "tubulin_content"):
        assert far[name].low > near[name].high and far[name].n == 30, name
    assert far["tubulin_radial"].value > 0.8  # nine in ten profiles are 0, and a mean of 1 is all there is to lose
    assert far["halo"].value < 0.2 < near["halo"].value


def test_shuffling_keeps_every_intensity_and_loses_the_form() -> None:
    images = cells(3)
    mixed = shuffled(images, 0)
    np.testing.assert_array_equal(np.sort(mixed.reshape(9, -1)), np.sort(images.reshape(9, -1)))
    assert not np.array_equal(mixed, images) and np.array_equal(mixed, shuffled(images, 0))


def test_cells_of_one_kind_are_near_and_a_lost_halo_is_far() -> None:
    real, again, lost = (measure_anatomy(images, CHANNELS) for images in (cells(30), cells(30, 1), cells(30, 2, halo=0.3)))
    near, far = compare(real, again, again, SPEC), compare(real, lost, again, SPEC)
    for name in ("tubulin_radial", "halo_distance"):
        assert far[name].low > near[name].high, name
    assert far["halo"].high < 1 < near["halo"].low
    assert far["halo_difference"].high < -0.5
    assert far["actin_radial"].value == pytest.approx(near["actin_radial"].value, abs=0.02)


def test_radial_distance_counts_bins_by_the_real_cells_in_them() -> None:
    real = np.array([[1.0, 2.0, np.nan], [1.0, 2.0, 5.0]])
    assert radial_distance(real, real + np.array([0.3, 0.3, 0.6]), SPEC).value == pytest.approx((0.3 + 0.3 + 0.6 / 2) / 2.5)


def test_of_equal_sets_the_excess_holds_0_and_the_distance_does_not() -> None:
    """The distance is biased upwards; the floor is too, by as much."""
    held = np.zeros(2)
    for seed in range(60):
        real, floor, others = np.random.default_rng(seed).normal(1, 0.5, (3, 80, 13))
        radial = radial_distance(real, others, SPEC)
        excess = radial.less(radial_distance(real, floor, SPEC, OTHERS + 1)).measure(SPEC)
        held += excess.low <= 0 <= excess.high, radial.measure(SPEC).low <= 0
    assert held[0] >= 55 and held[1] <= 5


def test_earth_movers_is_the_shift_and_its_interval_holds_it() -> None:
    values = np.random.default_rng(0).normal(size=300)
    shifted = earth_movers(values, values + 3, SPEC)
    assert shifted.value == pytest.approx(3) and shifted.low < 3 < shifted.high
    assert shifted.high - shifted.low == pytest.approx(2 * 1.96 * np.sqrt(2 / 300), rel=0.25)
    assert earth_movers(values, values, SPEC).low == 0


def test_a_share_of_none_has_an_interval() -> None:
    few = measure_anatomy(cells(10), CHANNELS)
    share = compare(few, few, None, SPEC)["no_nucleus"]
    assert share.value == 0 and 0.2 < share.high < 0.35


def test_stains_that_no_channel_shows_are_not_available() -> None:
    measured = measure_anatomy(cells(3), ("DAPI", "ER", "Actin"))
    assert set(measured.properties) == {"dna-content", "actin-content", "nucleus-area"}
    told = compare(measured, measured, None, SPEC)
    assert told["tubulin_radial"].reason == told["halo"].reason == "no channel of the images shows tubulin"


def test_images_of_a_diverged_training_are_refused() -> None:
    with pytest.raises(CytoBenchError, match="diverged"):
        measure_anatomy(np.full((1, 3, 64, 64), np.nan, np.float32), CHANNELS)


def test_bins_must_fill_the_range() -> None:
    with pytest.raises(CytoBenchError, match="change bin"):
        validate(AnatomySpec, {"bin": 3}, "protocol.yaml")


@dataclass(frozen=True)
class Drawn:
    """A model of drawn cells: generates those of another seed, or without a halo."""

    store: CellStore
    halo: float
    images: np.ndarray
    name = "drawn"
    title = "SIMULATED data: drawn"
    seen = "range, 64 px"
    channels = CHANNELS
    size = 64
    kind = "simulated"

    @property
    def recipe(self) -> object:
        return type("R", (), {"input": type("I", (), {"scaling": "range"})})

    def real(self, rows: np.ndarray) -> np.ndarray:
        return self.images[rows]

    def noise(self, n: int, seed: int) -> np.ndarray:
        return np.zeros((n, 1), np.float32)

    def generate(self, z: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        return cells(len(z), 7, self.halo)


@pytest.fixture(scope="module")
def anatomy_benchmark() -> AnatomyBenchmark:
    made = benchmark("bbbc021-anatomy")
    assert isinstance(made, AnatomyBenchmark)
    made.protocol = made.protocol.model_copy(update={"intervals": SPEC, "cells": 30})
    return made


@pytest.fixture(scope="module")
def drawn(tiny_store: CellStore) -> Drawn:
    return Drawn(tiny_store, 0.8, cells(len(tiny_store)))


@pytest.fixture(scope="module")
def measured(
    anatomy_benchmark: AnatomyBenchmark, drawn: Drawn, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Measures, Path]:
    folder = tmp_path_factory.mktemp("figures")
    return anatomy_benchmark.measure(drawn, folder), folder  # type: ignore[arg-type]


def test_benchmark_says_all_that_it_declares(measured: tuple[Measures, Path]) -> None:
    measures, folder = measured
    names = [column.name for column in measures.columns]
    assert measures.headline == names[0] == "tubulin_excess" and measures.benchmark == "bbbc021-anatomy/1"
    for line in (measures.result, *measures.references):
        assert sorted(line.measures) == sorted(names), line.name
    assert {path.name for path in folder.iterdir()} == {"radial.png", "anatomy.png"}
    assert measures.under == "30 generated against 30 simulated cells of tiny, range, 64 px"
    assert "tubulin radial" in str(measures)


def test_a_model_of_the_same_cells_is_near_the_floor_and_far_from_the_ceiling(measured: tuple[Measures, Path]) -> None:
    measures, _ = measured
    floor, ceiling = measures.references
    values = [line.measures["tubulin_radial"].value for line in (measures.result, floor, ceiling)]
    assert max(values[:2]) < 0.1 * values[2]
    assert (floor.role, ceiling.role, ceiling.measures["no_nucleus"].value) == ("floor", "ceiling", 1)
    assert [warning.split(":")[:2] for warning in measures.warnings] == [
        ["simulated cells here", " a halo"],
        ["drawn", " a halo"],
    ]


def test_a_model_without_the_halo_is_told_so(anatomy_benchmark: AnatomyBenchmark, drawn: Drawn, tmp_path: Path) -> None:
    measures = anatomy_benchmark.measure(replace(drawn, halo=0.3), tmp_path)  # type: ignore[type-var]
    assert any(warning.startswith("drawn: no halo") for warning in measures.warnings)
    assert measures.result.measures["tubulin_radial"].low > measures.references[0].measures["tubulin_radial"].high


def test_what_cannot_be_measured_is_refused_before_training(anatomy_benchmark: AnatomyBenchmark, drawn: Drawn) -> None:
    class Short(CellStore):
        def __len__(self) -> int:
            return 20

    with pytest.raises(CytoBenchError, match="has 20 cells, but bbbc021-anatomy needs at least 60"):
        anatomy_benchmark.check(Short(drawn.store.path), CHANNELS, 64)
    for channels, lacking in ((("ER", "Tubulin"), "DNA"), (("DAPI", "Actin"), "tubulin")):
        with pytest.raises(CytoBenchError, match=f"named after {lacking}"):
            anatomy_benchmark.check(drawn.store, channels, 64)
    with pytest.raises(CytoBenchError, match="no variants; leave out 'fast'"):
        type(anatomy_benchmark)("fast")


def test_another_segmentation_is_another_benchmark(anatomy_benchmark: AnatomyBenchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    first, again = anatomy_benchmark.key, type(anatomy_benchmark)().key
    monkeypatch.setattr("cytobench.phenotypes.anatomy.benchmark.source_of_modules", lambda _: "other")
    assert first == again != type(anatomy_benchmark)().key and first.startswith("bbbc021-anatomy/1 ")
