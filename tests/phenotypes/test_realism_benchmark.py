"""The benchmark of realism, on models whose realism is known: one that copies, one of noise, one that is told of treatments."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor

from cytobench.datasets.conditions import Conditions
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, GenerativeMethod, Method
from cytobench.phenotypes.feature_scale import FeatureScale
from cytobench.phenotypes.feature_space import Described, FeatureSpace
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.realism import sets
from cytobench.phenotypes.realism.benchmark import RealismBenchmark, generate_like
from cytobench.phenotypes.realism.memorisation import ORIENTATIONS, Memorisation, oriented, turned_back
from cytobench.phenotypes.realism.parts import parts_of
from cytobench.phenotypes.realism.protocol import COLUMNS, RealismProtocol
from cytobench.phenotypes.realism.scores import ELSEWHERE, kid_measure
from cytobench.phenotypes.realism.sets import CellSet, RealCells, described_once
from cytobench.phenotypes.realism.warnings import warnings_of
from cytobench.phenotypes.shuffling import shuffled
from cytobench.results.measures import Line, Measure, Measures
from cytobench.schema import dump_json, read_yaml, validate
from cytobench.training.recipe import Recipe
from cytobench_benchmarks.bbbc021_realism.benchmark import BBBC021Realism

SPACE = "intensity"
HALF = 80
"""Of the tiny store's 192 cells: the most that make 20 groups of one size."""


class Copying(Method, GenerativeMethod):
    """Generates the cells of its bank under a little noise, in turn."""

    bank: Tensor
    sigma: float = 0.002

    def embed(self, cells: CellBatch) -> Tensor:
        return cells.images.mean(dim=(2, 3))

    def noise(self, n: int) -> Tensor:
        return torch.randn(n, 4)

    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """The cell whose number the first coordinate says."""
        self.check_condition(condition)
        chosen = self.bank[(z[:, 0].abs() * 1e4).long() % len(self.bank)]
        return (chosen + self.sigma * torch.randn(chosen.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)


class Static(Copying):
    """Noise."""

    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.rand(len(z), 3, 64, 64, generator=torch.Generator().manual_seed(1))


class Told(Copying):
    """Generates the mean cell of the treatment that it is told."""

    means: Tensor
    labels: Tensor

    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        self.check_condition(condition)
        assert condition is not None
        return self.means[(condition[:, None] - self.labels[None]).square().sum(dim=2).argmin(dim=1)]


def model(kind: type[Copying], store: CellStore, name: str, conditions: tuple[str, ...] = (), **recipe: object) -> Model:
    made = Recipe.model_validate(recipe)
    method = kind(made, store.channels, 64, 0, conditions)
    found = Model(name, f"{name} on tiny (SIMULATED)", method, made, store, 0)
    method.bank = torch.from_numpy(found.real(np.arange(len(store))))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("realism")


@pytest.fixture(scope="module")
def copying(tiny_store: CellStore, folder: Path) -> Measures:
    return BBBC021Realism(SPACE).measure(model(Copying, tiny_store, "copying"), folder / "copying")


@pytest.fixture(scope="module")
def static(tiny_store: CellStore, folder: Path) -> Measures:
    return BBBC021Realism(SPACE).measure(model(Static, tiny_store, "static"), folder / "static")


@pytest.fixture(scope="module")
def told(tiny_store: CellStore, folder: Path) -> Measures:
    conditions = Conditions(tiny_store, "treatment")
    made = model(Told, tiny_store, "told", conditions.names, condition="treatment")
    said = torch.from_numpy(conditions.of(np.arange(len(tiny_store))))
    method = made.method
    assert isinstance(method, Told)
    method.labels, groups = said.unique(dim=0, return_inverse=True)
    method.means = torch.stack([method.bank[groups == group].mean(dim=0) for group in range(len(method.labels))])
    return BBBC021Realism(SPACE).measure(made, folder / "told")


def real_cells(made: Model) -> RealCells:
    benchmark = BBBC021Realism(SPACE)
    return RealCells(made, benchmark._choice.make(made.channels, made.size), benchmark.protocol)


def value(line: Line, column: str) -> float:
    found = line.measures[column].value
    assert found is not None
    return found


def test_a_model_that_copies_is_realistic_and_found_out(copying: Measures) -> None:
    result, (floor, _) = copying.result, copying.references
    assert value(result, "copied") > 0.9
    assert value(floor, "copied") < 0.05
    low, high = result.measures["kid"].low, result.measures["kid"].high
    assert low is not None and high is not None
    assert low <= 0 <= high
    assert value(result, "authenticity") < value(floor, "authenticity") - 0.1
    assert any("repeats training cells" in warning for warning in copying.warnings)


def test_each_orientation_is_another_is_undone_and_says_how_the_copy_is_turned() -> None:
    images = np.random.default_rng(0).random((20, 2, 8, 8), np.float32)
    seen = {oriented(images[0], number).tobytes() for number in range(ORIENTATIONS)}
    assert len(seen) == ORIENTATIONS
    training = CellSet(images, np.random.default_rng(1).normal(size=(20, 3)))
    for number in range(ORIENTATIONS):
        assert np.array_equal(turned_back(oriented(images, number), number), images)
        copies = CellSet(turned_back(images, number), training.features)
        found = Memorisation.of(copies, training)
        assert found.pixels.row.tolist() == list(range(20))
        assert (found.orientation == number).all()
        assert found.pixels.ratio.max() < 0.01


def test_cells_nearer_than_others_are_said(copying: Measures, tiny_store: CellStore) -> None:
    """By authenticity, whether or not a search finds which training cells they repeat."""
    said = [text for text in copying.warnings if "(authenticity)" in text]
    assert said == [
        "its cells lie nearer to simulated cells than others of these do (authenticity): it may repeat training cells"
    ]


def test_copies_are_of_cells_that_the_model_was_trained_on(copying: Measures, tiny_store: CellStore, tmp_path: Path) -> None:
    """Cells that training never saw can be copied by nobody, and where it is not known what it saw nothing is said."""
    benchmark = BBBC021Realism(SPACE)
    (number, plates) = tiny_store.groups("plate")
    assert (number == 0).sum() < len(tiny_store) / 2
    elsewhere = replace(model(Copying, tiny_store, "copying"), trained_elsewhere=True)
    alone = model(Copying, tiny_store, "copying", training={"steps": 1, "batch_size": 2, "train_on": f"plate={plates[0]}"})
    measured = benchmark.measure(alone, tmp_path / "alone")
    assert 0 < value(measured.result, "copied") < 0.6 < value(copying.result, "copied")
    unknown = benchmark.measure(elsewhere, tmp_path / "elsewhere")
    assert unknown.result.measures["copied"] == Measure(value=None, n=HALF, reason=ELSEWHERE)
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == ["realism.png"]
    assert measured.references == unknown.references == copying.references
    assert measured.under == unknown.under == copying.under


def test_noise_is_neither_realistic_nor_a_copy(static: Measures) -> None:
    result, (floor, ceiling) = static.result, static.references
    assert value(result, "kid") > 100 * abs(value(floor, "kid"))
    assert value(result, "fid") > 10 * value(floor, "fid")
    assert [value(result, name) for name in ("precision", "recall", "density", "coverage", "copied")] == [0] * 5
    assert value(result, "authenticity") == 1
    assert result.measures["density"].low is None and result.measures["density"].reason
    assert (result.measures["precision"].high or 0) > 0.01
    assert value(ceiling, "kid") < value(result, "kid")
    assert any("farther from simulated cells than noise" in warning for warning in static.warnings)


def test_real_cells_are_the_floor_and_near_themselves(copying: Measures) -> None:
    floor = copying.references[0]
    kid = floor.measures["kid"]
    assert kid.low is not None and kid.high is not None
    assert kid.low <= 0 <= kid.high
    assert value(floor, "precision") > 0.7 and value(floor, "coverage") > 0.9
    assert value(floor, "fid") > 0
    assert kid.n == HALF


def test_intervals_hold_their_values(copying: Measures, static: Measures) -> None:
    checked = 0
    for line in (copying.result, static.result, *copying.references):
        assert line.measures.keys() == {column.name for column in COLUMNS}
        for measure in line.measures.values():
            if measure.low is not None and measure.high is not None and measure.value is not None:
                assert measure.low <= measure.value <= measure.high
                checked += 1
    assert checked >= 30


def test_references_are_equal_for_every_model_and_measuring_again_gives_the_same(
    copying: Measures, static: Measures, tiny_store: CellStore, tmp_path: Path
) -> None:
    assert copying.references == static.references
    assert copying.under == static.under
    again = BBBC021Realism(SPACE).measure(model(Copying, tiny_store, "copying"), tmp_path)
    assert dump_json(again) == dump_json(copying)


def test_spaces_never_share_a_name_a_key_or_what_they_were_measured_under(copying: Measures, tiny_store, tmp_path) -> None:
    first, other = BBBC021Realism(SPACE), BBBC021Realism("random-network")
    assert first.name == "bbbc021-realism:intensity:default" != other.name
    assert first.key != other.key
    assert first.key.startswith("bbbc021-realism:intensity:default/1 ")
    measured = other.measure(model(Copying, tiny_store, "copying"), tmp_path)
    assert (measured.benchmark, copying.benchmark) == (other.identity, first.identity)
    assert measured.under != copying.under
    assert "random-network:default" in measured.under and "80 generated cells, 80 simulated ones" in measured.under


def test_without_a_variant_the_name_says_which_space_it_is(data: Path) -> None:
    assert BBBC021Realism().name in ("bbbc021-realism:imagenet:inception_v3", "bbbc021-realism:imagenet:mobilenetv1-025")


def test_only_models_told_of_treatments_have_parts(copying: Measures, told: Measures) -> None:
    assert copying.parts == ()
    parts = {line.name: line.measures["kid"] for line in told.parts}
    minimum = BBBC021Realism(SPACE).protocol.minimum_cells
    assert parts["DMSO"].value is not None and parts["DMSO"].n >= minimum and parts["DMSO"].low is not None
    assert {line.role for line in told.parts} == {"part"}
    assert all(measure.value is not None for measure in parts.values())
    (left,) = (text for text in told.warnings if "KID of their own" in text)
    assert left.endswith(f"have fewer than {minimum} cells in a set, and no KID of their own")


def test_a_model_is_told_the_treatments_of_set_b(tiny_store: CellStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told those of A, it would know the composition of what it is compared with."""
    made, asked = model(Copying, tiny_store, "copying"), []
    monkeypatch.setattr(Model, "generate", lambda self, z, rows=None: asked.append(rows) or made.real(np.arange(len(z))))
    real = real_cells(made)
    generate_like(made, real, 0)
    assert np.array_equal(asked[0], real.rows[HALF : 2 * HALF])
    assert np.array_equal(made.real(asked[0]), real.b.images)


def test_a_part_compares_cells_of_its_own_treatments(tiny_store: CellStore) -> None:
    """Of set A by A's treatments, of the generated set by B's: generated cells that are B's own are the floor of each part."""
    conditions = Conditions(tiny_store, "treatment")
    made = model(Told, tiny_store, "told", conditions.names, condition="treatment")
    real, protocol = real_cells(made), BBBC021Realism(SPACE).protocol.model_copy(update={"minimum_cells": 5})
    compounds = np.array(tiny_store.groups("compound")[1])[tiny_store.groups("compound")[0]]
    inside = compounds[real.rows[: 2 * HALF]].reshape(2, HALF) == "DMSO"
    found = {line.name: line.measures["kid"] for line in parts_of(made, real, real.b, protocol).lines}
    assert found["DMSO"] == kid_measure(real.a.features[inside[0]], real.b.features[inside[1]], protocol)
    assert found["DMSO"].n == inside[1].sum() != inside[0].sum()


def test_pictures_are_drawn(copying: Measures, told: Measures, folder: Path) -> None:
    for name in ("copying", "told"):
        for picture in ("realism.png", "memorisation.png"):
            with Image.open(folder / name / picture) as image:
                assert image.width > 1000
                assert len(set(image.convert("L").tobytes())) > 20


def test_real_cells_are_embedded_once_and_a_damaged_cache_is_made_anew(tiny_store: CellStore, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("CYTOBENCH_CACHE", str(tmp_path))
    benchmark, made = BBBC021Realism(SPACE), model(Copying, tiny_store, "copying")
    space = benchmark._choice.make(made.channels, made.size)
    first = RealCells(made, space, benchmark.protocol)
    (stored,) = (tmp_path / "features").iterdir()
    broken = replace(space, method=None)  # type: ignore[arg-type]
    assert np.array_equal(RealCells(made, broken, benchmark.protocol).a.features, first.a.features)
    stored.write_bytes(stored.read_bytes()[:100])
    assert np.array_equal(RealCells(made, space, benchmark.protocol).a.features, first.a.features)


def test_sets_a_and_b_are_disjoint_and_of_one_size(tiny_store: CellStore) -> None:
    made = model(Copying, tiny_store, "copying")
    real = real_cells(made)
    assert len(real.a) == len(real.b) == HALF
    assert len(set(real.rows[: 2 * HALF])) == 2 * HALF
    assert np.array_equal(real.a.images, made.real(real.rows[:HALF]))


def test_shuffled_cells_keep_their_intensities_and_nothing_else(tiny_store: CellStore) -> None:
    images = model(Copying, tiny_store, "copying").real(np.arange(5))
    mixed = shuffled(images, 0)
    assert np.array_equal(np.sort(mixed.reshape(15, -1)), np.sort(images.reshape(15, -1)))
    assert not np.array_equal(mixed, images)
    neighbours = [np.corrcoef(one[..., 1:].ravel(), one[..., :-1].ravel())[0, 1] for one in (images[:, 0], mixed[:, 0])]
    assert neighbours[0] > 0.9 > 0.3 > neighbours[1]


class TestScale:
    """Measurements are standardised by set A; what real cells lack is dropped, what a generated cell lacks becomes A's mean."""

    real = np.random.default_rng(0).normal([5, 0, 7, 3], [2, 100, 0, 1], (50, 4))

    def scale(self, *, learned: bool = False) -> FeatureScale:
        real = self.real.copy()
        real[45, 3] = np.nan
        return FeatureScale(real, learned=learned, constant=1e-6, clip=5, of=slice(0, 20))

    def test_measurements(self) -> None:
        values, imputed = self.scale().apply(self.real[:20])
        assert (values.shape, imputed, self.scale().dropped) == ((20, 2), 0, 2)
        assert values.mean(axis=0) == pytest.approx(0, abs=1e-12)
        assert values.std(axis=0) == pytest.approx(1)

    def test_far_values_are_cut_and_missing_ones_are_counted(self) -> None:
        values, imputed = self.scale().apply(np.array([[1e9, np.nan, 7, 3], [-np.inf, -1e9, 7, np.nan]]))
        assert values.tolist() == [[5, 0], [0, -5]]
        assert imputed == 2

    def test_a_networks_features_are_raw(self) -> None:
        values, _ = self.scale(learned=True).apply(self.real)
        assert np.array_equal(values, self.real[:, :3])

    def test_nothing_left_is_said(self) -> None:
        with pytest.raises(CytoBenchError, match="none of 2 features is finite in all cells and varies"):
            FeatureScale(np.ones((9, 2)), learned=False, constant=1e-6, clip=5)


def test_too_small_a_store_is_said(tmp_path: Path) -> None:
    table = pd.DataFrame({"plate": ["Week1_1"] * 79, "well": "A01", "compound": "DMSO", "concentration": 0.0})
    facts = {"simulated": True, "all_cells_counted": True, "provenance": {"source": "noise"}}
    with CellStoreWriter(tmp_path / "few", name="few", channels=("DNA", "Tubulin", "Actin"), **facts) as writer:
        writer.append(np.random.default_rng(0).integers(1, 9, (79, 3, 64, 64)).astype(np.uint16), table)
    with pytest.raises(CytoBenchError, match="few has 79 cells, and realism needs 80: two sets of 40; take a larger data set"):
        BBBC021Realism(SPACE).check(CellStore(tmp_path / "few"), ("DNA", "Tubulin", "Actin"), 64)


def test_a_space_that_cannot_see_the_channels_is_refused_before_training(tiny_store: CellStore) -> None:
    BBBC021Realism("cellprofiler:fast").check(tiny_store, ("DNA", "Tubulin", "Actin"), 64)
    with pytest.raises(CytoBenchError, match="channels DNA, DNA: two have one name"):
        BBBC021Realism("cellprofiler:fast").check(tiny_store, ("DNA", "DNA"), 64)


def test_the_space_is_made_for_the_models_device(tiny_store: CellStore, monkeypatch, tmp_path) -> None:
    """And what one kind of device computed is not taken for another's."""
    benchmark, made = BBBC021Realism(SPACE), model(Copying, tiny_store, "copying")
    asked, space = [], benchmark._choice.make(made.channels, made.size)

    class AskedError(Exception):
        pass

    def make(self: object, *given: object) -> None:
        asked.append(given)
        raise AskedError

    with monkeypatch.context() as changed:
        changed.setattr(type(benchmark._choice), "make", make)
        changed.setattr(Model, "device", torch.device("cuda:1"))
        with pytest.raises(AskedError):
            benchmark.measure(made, tmp_path)
    assert asked == [(made.channels, made.size, "cuda:1")]
    monkeypatch.setenv("CYTOBENCH_CACHE", str(tmp_path))
    for device in ("cpu", "cpu", "cuda"):
        monkeypatch.setattr(FeatureSpace, "device", torch.device(device))
        monkeypatch.setattr(FeatureSpace, "described", lambda self, images: Described(np.zeros((3, 2)), np.zeros(3, bool)))
        described_once(space, made.real(np.arange(3)))
    assert len(list((tmp_path / "features").iterdir())) == 2


def test_a_precision_that_few_real_cells_make_is_said(copying: Measures, tiny_store: CellStore) -> None:
    """As where one crop of noise among the real cells has so wide a reach that all that is unlike a cell lies within."""
    made = model(Copying, tiny_store, "copying")
    real = real_cells(made)

    def said(precision: float, coverage: float) -> list[str]:
        changed = {"precision": Measure(value=precision, n=1000), "coverage": Measure(value=coverage, n=1000)}
        result = copying.result.model_copy(update={"measures": {**copying.result.measures, **changed}})
        return [text for text in warnings_of(made, real, real.b, result, copying.references) if "precision" in text]

    assert said(0.9, 0.002) == ["its precision rests on the wide reach of 2 simulated cells at most: read density and coverage"]
    assert said(0.9, 0.5) == said(0.05, 0.002) == []


def test_a_diverged_model_is_said(tiny_store: CellStore, tmp_path: Path) -> None:
    made = model(Copying, tiny_store, "copying")
    made.method.bank = made.method.bank * torch.nan  # type: ignore[attr-defined]
    with pytest.raises(CytoBenchError, match="copying generates images that are not finite; its training diverged"):
        BBBC021Realism(SPACE).measure(made, tmp_path)


def test_the_protocol_is_read_strictly() -> None:
    path = RealismBenchmark.__subclasses__()[0].folder / "protocol.yaml"
    written = read_yaml(path)
    assert validate(RealismProtocol, written, str(path)).headline in {column.name for column in COLUMNS}
    with pytest.raises(CytoBenchError, match="unknown key 'cels'; did you mean 'cells'"):
        validate(RealismProtocol, {**written, "cels": 5}, str(path))


def test_a_space_that_saw_cells_is_refused_by_name() -> None:
    with pytest.raises(CytoBenchError, match="lsgan is no feature space"):
        BBBC021Realism("lsgan")


def test_the_cache_is_where_the_suites_is(cache: Path, copying: Measures) -> None:
    assert sets.cache_folder() == cache
    assert len(list((cache / "features").glob("*.npz"))) >= 2
