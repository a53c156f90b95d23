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
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.realism import sets
from cytobench.phenotypes.realism.benchmark import RealismBenchmark
from cytobench.phenotypes.realism.protocol import COLUMNS, RealismProtocol
from cytobench.phenotypes.realism.sets import RealCells, Scale, shuffled
from cytobench.phenotypes.realism.warnings import warnings_of
from cytobench.results.measures import Line, Measure, Measures
from cytobench.schema import dump_json, read_yaml, validate
from cytobench.training.recipe import Recipe
from cytobench_benchmarks.bbbc021_realism.benchmark import BBBC021Realism

SPACE = "intensity"
HALF = 96
"""Of the tiny store's 192 cells."""


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


def model(kind: type[Copying], store: CellStore, name: str, conditions: tuple[str, ...] = (), **recipe: str) -> Model:
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


def test_noise_is_neither_realistic_nor_a_copy(static: Measures) -> None:
    result, (floor, ceiling) = static.result, static.references
    assert value(result, "kid") > 100 * abs(value(floor, "kid"))
    assert value(result, "fid") > 10 * value(floor, "fid")
    assert [value(result, name) for name in ("precision", "recall", "density", "coverage", "copied")] == [0] * 5
    assert value(result, "authenticity") == 1
    assert result.measures["density"].low is None and result.measures["density"].reason
    assert (result.measures["precision"].high or 0) > 0.01
    assert value(ceiling, "kid") < value(result, "kid")
    assert any("farther from real cells than noise" in warning for warning in static.warnings)


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
    assert "random-network:default" in measured.under and "96 generated cells, 96 real ones" in measured.under


def test_without_a_variant_the_name_says_which_space_it_is(data: Path) -> None:
    assert BBBC021Realism().name in ("bbbc021-realism:imagenet:inception_v3", "bbbc021-realism:imagenet:mobilenetv1-025")


def test_only_models_told_of_treatments_have_parts(copying: Measures, told: Measures) -> None:
    assert copying.parts == ()
    parts = {line.name: line.measures["kid"] for line in told.parts}
    minimum = BBBC021Realism(SPACE).protocol.minimum_cells
    assert parts["DMSO"].value is not None and parts["DMSO"].n >= minimum and parts["DMSO"].low is not None
    few = parts["taxol@0.3"] if "taxol@0.3" in parts else next(one for name, one in parts.items() if "@" in name)
    assert few.value is None
    assert few.reason == f"{few.n} real cells in set A; the protocol asks for {minimum}"
    assert {line.role for line in told.parts} == {"part"}
    assert any(name in parts for name in ("Actin disruptors", "Aurora kinase inhibitors"))


def test_a_model_told_of_treatments_is_told_those_of_set_a(told: Measures, tiny_store: CellStore) -> None:
    """Mean cells of as many treatments as A has: mixed up, they would not follow A's brightness cell by cell."""
    assert value(told.result, "kid") < value(told.references[1], "kid")
    assert value(told.result, "copied") < 0.2


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
    benchmark, made = BBBC021Realism(SPACE), model(Copying, tiny_store, "copying")
    real = RealCells(made, benchmark._choice.make(made.channels, made.size), benchmark.protocol)
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

    protocol = BBBC021Realism(SPACE).protocol
    real = np.random.default_rng(0).normal([5, 0, 7, 3], [2, 100, 0, 1], (50, 4))

    def scale(self, *, learned: bool = False) -> Scale:
        real = self.real.copy()
        real[45, 3] = np.nan
        return Scale(real, slice(0, 20), self.protocol, learned=learned)

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
        with pytest.raises(CytoBenchError, match="none of 2 features is finite in all real cells and varies"):
            Scale(np.ones((9, 2)), slice(0, 9), self.protocol, learned=False)


def test_too_small_a_store_is_said(tmp_path: Path) -> None:
    table = pd.DataFrame({"plate": ["Week1_1"] * 79, "well": "A01", "compound": "DMSO", "concentration": 0.0})
    facts = {"simulated": True, "all_cells_counted": True, "provenance": {"source": "noise"}}
    with CellStoreWriter(tmp_path / "few", name="few", channels=("DNA", "Tubulin", "Actin"), **facts) as writer:
        writer.append(np.random.default_rng(0).integers(1, 9, (79, 3, 64, 64)).astype(np.uint16), table)
    with pytest.raises(CytoBenchError, match="few has 79 cells, and realism needs 80: two sets of 40; take a larger data set"):
        BBBC021Realism(SPACE).measure(model(Copying, CellStore(tmp_path / "few"), "copying"), tmp_path)


def test_a_precision_that_few_real_cells_make_is_said(copying: Measures, tiny_store: CellStore) -> None:
    """As where one crop of noise among the real cells has so wide a reach that all that is unlike a cell lies within."""
    benchmark, made = BBBC021Realism(SPACE), model(Copying, tiny_store, "copying")
    real = RealCells(made, benchmark._choice.make(made.channels, made.size), benchmark.protocol)

    def said(precision: float, coverage: float) -> list[str]:
        changed = {"precision": Measure(value=precision, n=1000), "coverage": Measure(value=coverage, n=1000)}
        result = copying.result.model_copy(update={"measures": {**copying.result.measures, **changed}})
        return [text for text in warnings_of(made, real, real.b, result, copying.references) if "precision" in text]

    assert said(0.9, 0.002) == [
        "its precision rests on the wide reach of 2 real cells at most: read density and coverage instead"
    ]
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
