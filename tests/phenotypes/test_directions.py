"""Directions in noise space: a generator whose nucleus is a known coordinate of the noise gives it, noise gives none."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from cytobench.cli import group
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, GenerativeMethod, Method
from cytobench.phenotypes.directions import directions, summary
from cytobench.phenotypes.directions.directions import draw_sample, find_direction, random_direction
from cytobench.phenotypes.directions.figures import shown_alone
from cytobench.phenotypes.directions.files import write_directions
from cytobench.phenotypes.directions.report import DirectionsReport
from cytobench.phenotypes.directions.series import Walked, explore
from cytobench.phenotypes.directions.statistics import explained, mean_curve, mean_slope
from cytobench.phenotypes.model import Model
from cytobench.schema import load_json
from cytobench.training.recipe import Recipe

COORDINATES, NUCLEUS, TUBULIN = 5, 2, 4
SIZE, MIDDLE = 40, 19.5
STARTS = 8
CHANNELS = ("DNA", "Tubulin", "Actin")


class Drawing(Method, GenerativeMethod):
    """Draws cells: one coordinate of uniform noise is the nucleus's radius, one the tubulin's brightness."""

    def embed(self, cells: CellBatch) -> Tensor:
        return cells.images.mean(dim=(2, 3))

    def noise(self, n: int) -> Tensor:
        return 2 * torch.rand(n, COORDINATES) - 1

    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        y, x = torch.meshgrid(torch.arange(SIZE) - MIDDLE, torch.arange(SIZE) - MIDDLE, indexing="ij")
        away = torch.hypot(y, x)
        dna = torch.sigmoid(2 * (7 + 2 * z[:, NUCLEUS, None, None] - away))
        tubulin = (0.5 + 0.3 * z[:, TUBULIN, None, None]).expand_as(dna)
        return torch.stack([dna, tubulin, 0.5 * torch.sigmoid(16 - away).expand_as(dna)], dim=1)


class Deaf(Drawing):
    """Draws cells whatever the noise."""

    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        generator = torch.Generator().manual_seed(len(z))
        return super().generate(2 * torch.rand(len(z), COORDINATES, generator=generator) - 1)


class Collapsed(Drawing):
    """Draws one cell."""

    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().generate(torch.zeros_like(z))


@pytest.fixture(scope="module", autouse=True)
def few_cells_of_the_store() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cytobench.phenotypes.directions.series.COMPARED", 10)
        yield


@pytest.fixture(scope="module")
def made(tiny_store: CellStore) -> Callable[[type[Method]], Model]:
    def make(kind: type[Method]) -> Model:
        recipe = Recipe()
        return Model("Drawing (test)", "SIMULATED data: drawing", kind(recipe, CHANNELS, SIZE, 0), recipe, tiny_store, 0)

    return make


@pytest.fixture(scope="module")
def explored(made: Callable[[type[Method]], Model]) -> tuple[DirectionsReport, list[Walked]]:
    return explore(made(Drawing), (), 80, 5, 0, STARTS)


def by_name(explored: tuple[DirectionsReport, list[Walked]]) -> dict[str, Walked]:
    return {one.direction.name: one for one in explored[1]}


@pytest.mark.parametrize(("name", "coordinate"), [("nucleus-area", NUCLEUS), ("tubulin-content", TUBULIN)])
def test_the_coordinate_that_draws_a_property_is_its_direction(
    explored: tuple[DirectionsReport, list[Walked]], name: str, coordinate: int
) -> None:
    direction = by_name(explored)[name].direction
    assert direction.vector[coordinate] > 0.98 and np.linalg.norm(direction.vector) == pytest.approx(1)
    assert direction.r2.low > 0.9 and direction.found and direction.r2.n == 80


def test_the_property_grows_on_the_way_and_others_stay(explored: tuple[DirectionsReport, list[Walked]]) -> None:
    report = by_name(explored)["nucleus-area"].report
    curve = [point.value for point in report.walk.curve]
    assert np.all(np.diff(curve) > 0) and report.walk.curve[-1].low > 1.5 * report.walk.curve[0].high
    assert 0 < report.variety < 10 and by_name(explored)["tubulin-halo"].report.variety is None
    effects = {effect.property: effect.change for effect in report.walk.effects}
    assert effects["nucleus-area"].low > 0.5 and abs(effects["tubulin-content"].value) < 0.1
    assert report.walk.curve[0].n == STARTS and report.walk.without_nucleus == (0,) * 5


def test_walks_stay_where_uniform_noise_is(made: Callable[[type[Method]], Model]) -> None:
    """Three standard deviations reach beyond [-1, 1]; the nuclei drawn stay within those that the noise can ask for."""
    area = explore(made(Drawing), ("nucleus-area",), 60, 3, 0, STARTS)[0].directions[0].walk.curve
    sizes = draw_sample(made(Drawing), 60 + STARTS, 0).properties["nucleus-area"]
    assert area[0].value >= sizes.min() - 1 and area[-1].value <= sizes.max() + 1


def test_a_random_direction_is_walked_beside_each(explored: tuple[DirectionsReport, list[Walked]]) -> None:
    report = by_name(explored)["tubulin-content"].report
    changes = [
        next(e.change.value for e in walk.effects if e.property == report.property) for walk in (report.walk, report.random)
    ]
    assert abs(changes[1]) < changes[0]
    assert np.linalg.norm(random_direction(7, 0)) == pytest.approx(1)
    assert not np.allclose(random_direction(7, 0), random_direction(7, 1))


def test_where_noise_says_nothing_there_is_no_direction(made: Callable[[type[Method]], Model]) -> None:
    report, _ = explore(made(Deaf), ("nucleus-area", "tubulin-content"), 120, 3, 0, STARTS)
    assert [one.found for one in report.directions] == [False, False]
    assert all("no direction" in one.verdict and one.r2.low <= 0 for one in report.directions)


def test_where_every_cell_is_alike_there_is_no_direction(made: Callable[[type[Method]], Model], tmp_path: Path) -> None:
    report, walked = explore(made(Collapsed), ("nucleus-area",), 60, 3, 0, STARTS)
    assert report.directions[0].verdict == "no direction: it is the same in every generated cell"
    written = write_directions(report, walked, made(Collapsed), tmp_path)
    assert [Path(file).suffix for file in written.files] == [".npz", ".json"]


def test_equal_seeds_give_equal_directions(made: Callable[[type[Method]], Model]) -> None:
    first, again, other = (explore(made(Drawing), ("nucleus-area",), 60, 3, seed, STARTS)[0] for seed in (0, 0, 1))
    assert first == again and first != other


def test_files_hold_what_is_reported(
    explored: tuple[DirectionsReport, list[Walked]], made: Callable[[type[Method]], Model], tmp_path: Path
) -> None:
    some = [by_name(explored)[name] for name in ("nucleus-area", "tubulin-halo")]
    written = write_directions(explored[0], some, made(Drawing), tmp_path)
    assert all(Path(file).is_file() for file in written.files) and len(written.files) == 1 + 3  # there is no halo to draw
    assert load_json(DirectionsReport, Path(written.files[-1])) == written
    with np.load(written.files[-2]) as vectors:
        np.testing.assert_array_equal(vectors["nucleus-area"], by_name(explored)["nucleus-area"].direction.vector)


def test_other_questions_and_other_weights_take_other_names(
    explored: tuple[DirectionsReport, list[Walked]],
    made: Callable[[type[Method]], Model],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cytobench.phenotypes.directions.files.draw_walk", lambda target, *_: target.touch())
    report, walked = explored
    model = made(Drawing)
    some = report.model_copy(update={"directions": report.directions[:2]})
    asked = [(report, model), (some, model), (report, replace(model, seed=1)), (report, model)]
    stems = [Path(write_directions(one, walked, of, tmp_path).files[-1]).stem for one, of in asked]
    assert len(set(stems)) == 3 and stems[0] == stems[3]


def test_cells_are_measured_in_parts_and_none_is_changed_by_it(
    made: Callable[[type[Method]], Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = draw_sample(made(Drawing), 70, 0), []
    measure = directions.measure_anatomy
    monkeypatch.setattr(directions, "PART", 32)
    monkeypatch.setattr(directions, "measure_anatomy", lambda images, *of: parts.append(len(images)) or measure(images, *of))
    again = draw_sample(made(Drawing), 70, 0)
    assert parts == [32, 32, 6]
    for name in directions.ARRAYS:
        np.testing.assert_array_equal(getattr(whole.anatomy, name), getattr(again.anatomy, name))


def test_what_to_know_before_reading_is_told(
    explored: tuple[DirectionsReport, list[Walked]], made: Callable[[type[Method]], Model]
) -> None:
    assert "own maximum (luminance)" in explored[0].notes[0] and len(explored[0].notes) == 1
    twin = replace(made(Drawing), name="Drawing (untrained)")
    assert "untrained" in explore(twin, ("nucleus-area",), 60, 3, 0, 1)[0].notes[0]


def test_the_table_says_what_its_numbers_are(
    explored: tuple[DirectionsReport, list[Walked]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(summary, "save_figure", lambda figure, path: drawn.append(figure))
    summary.draw_summary(tmp_path / "x.png", explored[0], CHANNELS)
    said = " ".join(drawn[0].get_supxlabel().split())
    assert "standard deviation (SD)" in said and "95% interval" in said and "DNA blue" in said and "(luminance)" in said
    change = explored[0].directions[0].walk.effects[0].change
    assert f"{change.value:+.2f}\n{change.low:+.2f} to {change.high:+.2f}" in {one.get_text() for one in drawn[0].axes[0].texts}


def test_too_many_cells_are_refused() -> None:
    with pytest.raises(click.BadParameter, match="100000000"):
        group(["directions", "--run", "x", "--n", "100000000"], standalone_mode=False)


def test_nuclei_are_shown_where_they_were_looked_for_and_that_is_said() -> None:
    assert shown_alone("nucleus-area", ("Actin", "Hoechst")) == (1, "Hoechst alone, grey")
    channel, said = shown_alone("nucleus-area", ("x", "Actin"))
    assert channel == 0 and "no channel is named after DNA" in said
    assert shown_alone("tubulin-halo", CHANNELS) == (1, "Tubulin alone, grey")


def test_images_without_a_nucleus_are_left_out(made: Callable[[type[Method]], Model]) -> None:
    sample = draw_sample(made(Drawing), 80, 0)
    sample.anatomy.found[:20] = False
    assert find_direction(sample, "tubulin-content", 0).r2.n == 60
    sample.anatomy.found[:] = False
    none = find_direction(sample, "tubulin-content", 0)
    assert not none.found and "nucleus" in none.r2.reason


@pytest.mark.parametrize(("name", "sentence"), [("nucleus-aera", "did you mean 'nucleus-area'"), ("tubulin", "tubulin-halo")])
def test_an_unknown_property_is_named(made: Callable[[type[Method]], Model], name: str, sentence: str) -> None:
    with pytest.raises(CytoBenchError, match=sentence):
        explore(made(Drawing), (name,), 10, 3, 0, 1)


def test_a_few_starts_keep_their_value_and_one_has_no_interval() -> None:
    """Of 4 starts in 48 the 1,000 samples of all starts have some that are empty: that is no reason to drop the four."""
    at, values = np.array([-1.0, 0.0, 1.0]), np.full((48, 3), np.nan)
    values[:4] = [[0, 1, 2], [0, 2, 4], [0, 3, 6], [1, 2, 3]]
    slope, curve = mean_slope(values, at, 0), mean_curve(values, 0)
    assert slope.value == 1.75 and slope.n == 4 and slope.low < 1.75 < slope.high
    assert curve[2].value == 3.75 and curve[2].low < 3.75 < curve[2].high
    values[1:] = np.nan
    for one in (mean_slope(values, at, 0), mean_curve(values, 0)[2]):
        assert one.value is not None and one.n == 1 and one.low is one.high is None and "one start" in one.reason
    assert "no nucleus" in mean_slope(np.full((3, 3), np.nan), at, 0).reason


def test_a_rare_value_is_explained_with_an_interval() -> None:
    values = np.eye(60)[0]
    assert explained(values, np.zeros(60), 0).low is not None


def test_statistics_of_known_numbers() -> None:
    at = np.array([-1.0, 0.0, 1.0])
    values = np.array([[0.0, 2, 4], [1, 3, np.nan], [np.nan, np.nan, np.nan]])
    assert mean_slope(values, at, 0).value == pytest.approx(2) and mean_slope(values, at, 0).n == 2
    full = mean_curve(np.arange(12.0).reshape(4, 3), 0)
    assert [point.value for point in full] == [4.5, 5.5, 6.5] and full[0].low < 4.5 < full[0].high
    perfect = explained(np.arange(20.0), np.arange(20.0), 0)
    assert (perfect.value, perfect.low) == (1, 1)
    assert explained(np.arange(20.0), np.full(20, 9.5), 0).value == 0


def test_the_verb_prints_and_writes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    made: Callable[[type[Method]], Model],
    explored: tuple[DirectionsReport, list[Walked]],
    tmp_path: Path,
) -> None:
    asked = []
    monkeypatch.setattr("cytobench.loading.load_model", lambda run, **_: made(Drawing))
    monkeypatch.setattr("cytobench.phenotypes.directions.series.explore", lambda *words, **_: asked.append(words[1:]) or explored)
    monkeypatch.setattr("cytobench.phenotypes.directions.files.draw_walk", lambda target, *_: target.touch())
    words = ["--run", "x", "--n", "100", "--steps", "3", "--property", "nucleus-area", "--out", str(tmp_path), "--seed", "4"]
    group(["directions", *words], standalone_mode=False)
    text = capsys.readouterr().out
    assert (
        text.startswith("SIMULATED data") and "-nucleus-area.png" in text and str(tmp_path / "directions-Drawing-test-") in text
    )
    assert "note: tubulin-halo: no direction: it is the same in every generated cell" in text
    group(["directions", *words, "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["model"] == "Drawing (test)"
    assert asked == [(("nucleus-area",), 100, 3, 4)] * 2
