"""Paths, what is measured of them, codes, doses and animations."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from cytobench.cli import group
from cytobench.datasets.conditions import Conditions
from cytobench.errors import CytoBenchError
from cytobench.method import GenerativeMethod, InvertibleMethod, Method
from cytobench.phenotypes.captions import caption
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.interpolation import interpolation
from cytobench.phenotypes.interpolation.animation import there_and_back, write_gif
from cytobench.phenotypes.interpolation.codes import traverse_codes
from cytobench.phenotypes.interpolation.doses import dose_series, dose_sheet
from cytobench.phenotypes.interpolation.figures import _path_panel
from cytobench.phenotypes.interpolation.files import write_interpolation, write_traversal
from cytobench.phenotypes.interpolation.interpolation import CROSS_FADE, draw_pairs, interpolate, interpolate_cells
from cytobench.phenotypes.interpolation.paths import linear, paths_of, spherical
from cytobench.phenotypes.interpolation.smoothness import measure_smoothness
from cytobench.phenotypes.interpolation.smoothness_pairs import Pairs
from cytobench.phenotypes.interpolation.text import conclusions, doses_text, smoothness_text, traversal_text
from cytobench.phenotypes.model import Model
from cytobench.results.measures import Measure
from cytobench.training.recipe import Recipe


class Blocks(Method, GenerativeMethod, InvertibleMethod):
    """A code of the mean of each quarter of each channel; images are its blocks."""

    bend = 1.0
    """Power of a code that decoding takes: with 1 a straight line of codes is a cross-fade."""

    def embed(self, cells):
        return self.encode(cells)

    def encode(self, cells):
        return torch.nn.functional.avg_pool2d(cells.images, 32).flatten(1)

    def decode(self, z):
        blocks = z.clamp(0, 1).pow(self.bend).reshape(len(z), len(self.channels), 2, 2)
        return blocks.repeat_interleave(32, dim=2).repeat_interleave(32, dim=3)

    def noise(self, n):
        return torch.randn(n, 12)

    def generate(self, z, condition=None):
        self.check_condition(condition)
        return self.decode(z.sigmoid())


class Bent(Blocks):
    bend = 6.0


class Coded(Blocks):
    """Uniform noise; the last two numbers are codes, of which the second does nothing."""

    codes = 2

    def noise(self, n):
        return 2 * torch.rand(n, 5) - 1

    def generate(self, z, condition=None):
        return self.decode((z[:, :4].repeat(1, 3) + 1) / 2)


@dataclass(frozen=True)
class Means:
    """A feature space: the mean of each quarter of each channel."""

    name: str = "means"
    learned: bool = True

    def __call__(self, images):
        return np.asarray(images, np.float64).reshape(*images.shape[:2], 2, 32, 2, 32).mean(axis=(3, 5)).reshape(len(images), -1)


class Told(Blocks):
    """Ends with two codes, of which the second does nothing; twice what it is told of the concentration is added."""

    codes = 2

    def generate(self, z, condition=None):
        self.check_condition(condition)
        return self.decode(torch.hstack([z[:, :11], z[:, :1]]).sigmoid() / 2, condition)

    def decode(self, z, condition=None):
        self.check_condition(condition)
        return super().decode(z / 2 + condition[:, :1] / 2)


def model_of(store, kind=Blocks, condition=None):
    recipe = Recipe(condition=condition)
    method = kind(recipe, store.channels, 64, 0, Conditions(store, condition).names)
    return Model(kind.__name__.lower(), "SIMULATED data: blocks on tiny", method, recipe, store, 0)


@pytest.fixture(scope="module")
def cohorts(tiny_store):
    return Cohorts(tiny_store, {})


def test_a_great_arc_keeps_the_length_and_turns_evenly():
    starts, ends = np.array([[2.0, 0, 0], [0, 1, 0]]), np.array([[0, 2.0, 0], [0, 3, 0]])
    arcs = spherical(starts, ends, np.linspace(0, 1, 5))
    assert np.linalg.norm(arcs[0], axis=1) == pytest.approx(2)
    assert np.degrees(np.arctan2(arcs[0, :, 1], arcs[0, :, 0])) == pytest.approx([0, 22.5, 45, 67.5, 90])
    assert np.array_equal(arcs[1], linear(starts, ends, np.linspace(0, 1, 5))[1])  # no one arc: the straight line
    assert np.isfinite(spherical(np.zeros((1, 3)), np.ones((1, 3)), np.linspace(0, 1, 5))).all()


def test_a_straight_line_passes_nearer_to_zero_than_an_arc(tiny_store):
    z = model_of(tiny_store).noise(40, 0)
    middle = np.array([0.5])
    straight, arc = (np.linalg.norm(path(z[::2], z[1::2], middle), axis=2).mean() for path in (linear, spherical))
    assert straight < 0.85 * arc
    assert arc == pytest.approx(np.linalg.norm(z, axis=1).mean(), rel=0.1)


def test_arcs_are_for_normal_noise_only(tiny_store):
    normal, uniform = model_of(tiny_store), model_of(tiny_store, Coded)
    assert paths_of(normal, "noise", "both") == ("linear", "spherical")
    assert paths_of(uniform, "noise", "both") == paths_of(normal, "latent", "both") == ("linear",)
    with pytest.raises(CytoBenchError, match="the noise of coded is uniform; take --path linear"):
        paths_of(uniform, "noise", "spherical")
    with pytest.raises(CytoBenchError, match="codes of cells have no such distribution"):
        paths_of(normal, "latent", "spherical")


def test_paths_through_noise_share_their_ends(tiny_store, cohorts):
    made = interpolate(model_of(tiny_store), cohorts, pairs=3, steps=5, seed=2)
    again = interpolate(model_of(tiny_store), cohorts, pairs=3, steps=5, seed=2)
    assert list(made.images) == ["linear", "spherical", CROSS_FADE]
    for path, images in made.images.items():
        assert images.shape == (3, 5, 3, 64, 64) and np.array_equal(images, again.images[path])
        assert images[:, [0, -1]] == pytest.approx(made.images["linear"][:, [0, -1]], abs=1e-6)
    fade = made.images[CROSS_FADE]
    assert fade[:, 2] == pytest.approx((fade[:, 0] + fade[:, 4]) / 2, abs=1e-6)
    assert np.abs(made.images["linear"][:, 2] - fade[:, 2]).max() > 0.01


def test_latent_paths_run_between_the_cells_that_are_named(tiny_store, cohorts):
    name = next(iter(cohorts.treatments))
    model = model_of(tiny_store)
    made = interpolate(model, cohorts, start="dmso", end=name, pairs=4, steps=3)
    assert made.space == "latent" and made.groups == ("DMSO", name)
    assert set(made.cells[:, 0]) <= set(cohorts.controls) and set(made.cells[:, 1]) <= set(cohorts.rows(name))
    ends = model.decode(model.encode(made.cells.reshape(-1))).reshape(4, 2, 3, 64, 64)
    assert made.images["linear"][:, [0, -1]] == pytest.approx(ends, abs=1e-6)
    with pytest.raises(CytoBenchError, match="have no place in noise; take --space latent"):
        interpolate(model, cohorts, space="noise", start="DMSO")
    with pytest.raises(CytoBenchError, match="name the same one cell, row:3; name two"):
        interpolate(model, cohorts, start="row:3", end="row:3")


def test_no_pair_is_drawn_twice_and_none_is_a_cell_with_itself():
    pairs = draw_pairs(np.arange(4), np.arange(2, 6), 100, 0)
    assert sorted(map(tuple, pairs)) == [(a, b) for a in range(4) for b in range(2, 6) if a != b]
    assert len(draw_pairs(np.arange(4), np.arange(2, 6), 5, 0)) == 5


def test_the_pairs_shown_depend_on_the_seed_only(monkeypatch):
    cells = np.arange(40)
    for many in (10**6, 100):
        monkeypatch.setattr(interpolation, "MANY", many)
        few, more = (draw_pairs(cells, cells + 10, pairs, 3) for pairs in (6, 64))
        assert len(few) == 6 and np.array_equal(few, more[:6]) and len(np.unique(more, axis=0)) == 64
        assert not np.array_equal(few, draw_pairs(cells, cells + 10, 6, 4))


def test_named_groups_stand_over_the_end_columns(tiny_store, cohorts):
    name = next(iter(cohorts.treatments))
    named = interpolate(model_of(tiny_store), cohorts, start="dmso", end=name, pairs=2, steps=3)
    labels = _path_panel(named, "linear", 2, 1).column_labels
    assert labels == ("DMSO\nsimulated cell", "0", "0.5", "1", f"{name}\nsimulated cell")
    anything = interpolate(model_of(tiny_store), cohorts, space="latent", pairs=2, steps=3)
    assert _path_panel(anything, "linear", 2, 1).column_labels[0] == "simulated cell"


def test_a_plain_sentence_says_how_paths_stand_beside_cross_fades(tiny_store):
    cells = draw_pairs(np.arange(192), np.arange(192), 24, 0)
    bent = measure_smoothness(interpolate_cells(model_of(tiny_store, Bent), cells, 9, 0), Means()).paths
    (said,) = conclusions(bent)  # none of the cross-fade
    assert said.startswith("The model's linear path is longer than a cross-fade of the same ends; midway it is ")

    def beside(length, midway):
        ratios = {"length_ratio": Measure.of(1.0, length, 9, "none"), "midpoint_ratio": Measure.of(1.0, midway, 9, "none")}
        return conclusions([bent[0].model_copy(update=ratios)])[0]

    assert "is shorter than a cross-fade of the same ends; midway it is farther from cells than one" in beside((0.5, 0.9), (2, 3))
    assert "is not told apart in length from a cross-fade" in beside((0.9, 1.1), None)
    assert "is not told apart in its distance from cells from one" in beside(None, None)
    assert "is nearer to cells than one" in beside(None, (0.2, 0.9))


def test_an_untrained_model_is_called_so(tiny_store, cohorts, tmp_path):
    model = replace(model_of(tiny_store, Coded), name="coded (untrained)")
    record = write_interpolation(interpolate(model, cohorts, pairs=2, steps=3), None, tmp_path, 2)
    assert "note: untrained: random weights" in smoothness_text(record)
    assert "note: untrained: random weights" in traversal_text(write_traversal(traverse_codes(model, 2, 3, 0), tmp_path))
    assert "coded (untrained): random weights." in caption(model, 1)
    assert "untrained" not in caption(model_of(tiny_store), 1)


def test_what_is_measured_is_known_where_paths_are_known(tiny_store):
    cells = draw_pairs(np.arange(192), np.arange(192), 24, 0)
    models = (model_of(tiny_store, kind) for kind in (Blocks, Bent))
    straight, bent = (measure_smoothness(interpolate_cells(model, cells, 9, 0), Means()) for model in models)
    own, fade = straight.paths
    assert (own.path, fade.path) == ("linear", CROSS_FADE)
    assert own.relative_length.value == pytest.approx(1) == fade.relative_length.value  # codes are the features
    assert own.length_ratio.value == pytest.approx(1)
    assert [step.value for step in own.steps] == pytest.approx([1] * 8)
    assert fade.length_ratio is None and straight.kind == "simulated" and straight.left_out == 0
    uneven = bent.paths[0]
    assert bent.paths[1].relative_length.value == pytest.approx(1)
    assert uneven.length_ratio.low > 1
    assert uneven.relative_length.low <= uneven.relative_length.value <= uneven.relative_length.high


def test_distances_from_cells_leave_out_the_cells_at_the_ends(tiny_store):
    model, space = model_of(tiny_store), Means()
    cells = draw_pairs(np.arange(192), np.arange(192), 6, 1)
    measured = measure_smoothness(interpolate_cells(model, cells, 3, 0), space)
    features = space(model.real(np.arange(192)))
    far = np.linalg.norm(features[:, None] - features[None], axis=2)
    np.fill_diagonal(far, np.inf)
    unit = np.median(far.min(axis=1))
    expected = [np.delete(far[start], [end, start]).min() / unit for start, end in cells]  # an end decodes to its own features
    assert measured.neighbour_distance == pytest.approx(unit, rel=1e-5)
    assert measured.paths[0].nearest[0].value == pytest.approx(np.mean(expected), rel=1e-4)


def test_measurements_with_units_are_scaled_and_missing_ones_left_out(tiny_store):
    @dataclass(frozen=True)
    class Measured(Means):
        learned: bool = False

        def __call__(self, images):
            values = super().__call__(images)
            nothing = np.full((len(values), 1), np.nan)
            return np.hstack([values * 10.0 ** np.arange(values.shape[1]), nothing, np.ones_like(nothing)])

    made = interpolate_cells(model_of(tiny_store), draw_pairs(np.arange(192), np.arange(192), 6, 1), 3, 0)
    assert measure_smoothness(made, Measured()).paths[0].relative_length.value == pytest.approx(1)


def test_equal_ends_are_left_out_and_refused_where_all_are(tiny_store):
    made = interpolate_cells(model_of(tiny_store), np.array([[0, 1], [2, 2], [3, 4]]), 3, 0)
    measured = measure_smoothness(made, Means())
    assert (measured.pairs, measured.left_out) == (2, 1) and "1 pairs have equal end images" in measured.warnings[0]
    with pytest.raises(CytoBenchError, match="the ends of all 1 paths are equal images"):
        measure_smoothness(interpolate_cells(model_of(tiny_store), np.array([[2, 2]]), 3, 0), Means())


def test_intervals_are_over_pairs():
    values = np.exp(np.random.default_rng(0).normal(0.5, 0.2, 200))
    pairs = Pairs(200, None)
    mean = pairs.geometric_mean(values)
    half = 1.96 * np.log(values).std() / np.sqrt(200)
    assert np.log([mean.low, mean.high]) == pytest.approx(np.log(mean.value) + np.array([-half, half]), abs=0.01)
    assert pairs.mean(values) == Pairs(200, None).mean(values) and pairs.mean(values).value == pytest.approx(
        values.mean(), rel=1e-5
    )
    alone = Pairs(1, None).mean(values[:1])
    assert alone.low is None and "one pair" in alone.reason


def test_intervals_of_latent_paths_know_that_paths_share_cells():
    starts, ends = np.repeat(np.arange(6), 30), np.tile(np.arange(100, 130), 6)
    values = np.random.default_rng(0).normal(0, 1, 6)[starts]  # all that varies is the first cell, of which there are 6
    shared, naive = Pairs(180, np.stack([starts, ends], axis=1)).mean(values), Pairs(180, None).mean(values)
    assert shared.value == naive.value
    assert shared.high - shared.low > 3 * (naive.high - naive.low)
    for cells in ((np.zeros_like(ends), ends), (ends, np.zeros_like(ends))):
        measure = Pairs(180, np.stack(cells, axis=1)).mean(values)
        assert (measure.low, measure.high) == (None, None) and "all paths begin or end at one cell" in measure.reason


def test_blank_and_blurred_images_are_measured_against_the_same_cells(tiny_store):
    model, space = model_of(tiny_store), Means()
    made = interpolate_cells(model, draw_pairs(np.arange(192), np.arange(192), 6, 1), 3, 0)
    measured = measure_smoothness(made, space)
    cells = model.real(np.arange(192))
    blanks = [np.zeros_like(cells[:1]), cells.mean(axis=0, keepdims=True)]
    expected = [np.linalg.norm(space(image) - space(cells), axis=1).min() / measured.neighbour_distance for image in blanks]
    assert [control.name for control in measured.controls] == ["black image", "mean cell"]
    assert [control.nearest.value for control in measured.controls] == pytest.approx(expected, rel=1e-5)


def test_a_measure_that_takes_blanks_for_cells_is_not_believed(tiny_store):
    @dataclass(frozen=True)
    class Blind(Means):
        """Sees only a faint corner of what it is shown."""

        def __call__(self, images):
            return super().__call__(images)[:, :1] ** 0.01

    def said(space, kind=Blocks):
        made = interpolate_cells(model_of(tiny_store, kind), draw_pairs(np.arange(192), np.arange(192), 24, 1), 3, 0)
        return " ".join(measure_smoothness(made, space).warnings)

    model = model_of(tiny_store, Bent)
    far = interpolate_cells(model, draw_pairs(np.arange(192), np.arange(192), 24, 1), 3, 0)
    reached = measure_smoothness(far, Means())
    lowest = min(reached.controls, key=lambda control: control.nearest.value)
    assert reached.paths[0].midpoint.high >= lowest.nearest.value
    assert f"may be no nearer to cells than the {lowest.name} is" in " ".join(reached.warnings)
    assert "cannot tell cells from blanks in these features" in said(Blind())


def test_files_of_an_interpolation_animate_there_and_back(tiny_store, cohorts, tmp_path):
    made = interpolate(model_of(tiny_store), cohorts, pairs=8, steps=5)
    record = write_interpolation(made, measure_smoothness(made, Means()), tmp_path, 3)
    stem = record.files[0].removesuffix(".png")
    assert record.files == tuple(f"{stem}{ending}" for ending in (".png", ".gif", "-smoothness.png"))
    assert stem.startswith(f"{tmp_path}/interpolate-blocks-noise-")
    other = write_interpolation(interpolate(model_of(tiny_store), cohorts, pairs=8, steps=5, seed=1), None, tmp_path, 3)
    assert not set(other.files) & set(record.files)
    with Image.open(record.files[1]) as animation:
        assert animation.n_frames == 8
        assert animation.info["loop"] == 0 and animation.info["duration"] > 120
    assert json.loads(record.model_dump_json())["smoothness"]["pairs"] == 8
    text = smoothness_text(record)
    assert text.startswith("SIMULATED") and "means" in text and "simulated cells" in text and "real" not in text
    assert all(f"{control.nearest.value:.2f} of the {control.name}" in text for control in record.smoothness.controls)


def test_an_animation_does_not_flicker(tmp_path):
    frames = [np.full((8, 8, 3), 255, np.uint8) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame[:, :4] = 80 * number
    back = there_and_back(frames)
    write_gif(back, tmp_path / "a.gif")
    shown = []
    with Image.open(tmp_path / "a.gif") as animation:
        for number in range(animation.n_frames):
            animation.seek(number)
            shown.append(np.asarray(animation.convert("RGB")))
    assert len(shown) == len(back) == 4
    assert all(np.array_equal(frame[:, 4:], shown[0][:, 4:]) for frame in shown)
    assert [frame[0, 0, 0] for frame in shown] == pytest.approx([0, 80, 160, 80], abs=3)


def test_one_code_at_a_time_changes(tiny_store, tmp_path):
    made = traverse_codes(model_of(tiny_store, Coded), 4, 9, 0)
    assert made.images.shape == (2, 4, 9, 3, 64, 64)
    assert list(made.inside) == [False, *[True] * 7, False] and made.values[1] == pytest.approx(-1)
    first, second = made.changes
    assert made.changes is made.changes and 0.1 < first.low < first.value < first.high
    assert (second.value, second.low, second.high, second.n) == (0, 0, 0, 4)
    assert np.array_equal(made.images[0, :, 4], made.images[1, :, 4])  # all codes 0
    record = write_traversal(made, tmp_path)
    assert [(tmp_path / file).is_file() for file in record.files] == [True, True]
    with pytest.raises(CytoBenchError, match="blocks has no codes; leave out --codes"):
        traverse_codes(model_of(tiny_store), 4, 9, 0)
    with pytest.raises(CytoBenchError, match="--pairs 1: what a code changes is compared with other noise; take at least 2"):
        traverse_codes(model_of(tiny_store, Coded), 1, 9, 0)
    assert f"[{first.low:.2g}, {first.high:.2g}] times as much" in traversal_text(record)


def test_where_all_noise_gives_one_image_no_code_is_compared_with_it(tiny_store):
    class Collapsed(Coded):
        def generate(self, z, condition=None):
            return super().generate(torch.hstack([torch.zeros(len(z), 3), z[:, 3:4]]))

    change = traverse_codes(model_of(tiny_store, Collapsed), 3, 3, 0).changes[0]
    assert change.value is None and change.reason == "all noise gives one image"


@pytest.mark.parametrize("steps", [1, 4])
def test_one_image_lies_midway_or_the_steps_are_refused(tiny_store, cohorts, steps):
    for make in (
        lambda: interpolate(model_of(tiny_store), cohorts, pairs=2, steps=steps),
        lambda: interpolate_cells(model_of(tiny_store), np.array([[0, 1]]), steps, 0),
        lambda: traverse_codes(model_of(tiny_store, Coded), 2, steps, 0),
    ):
        with pytest.raises(CytoBenchError, match=f"--steps {steps}: must be odd and at least 3, .* take {max(3, steps + 1)}"):
            make()


def test_a_conditional_model_is_told_one_treatment_all_along_a_path(tiny_store, cohorts):
    model = model_of(tiny_store, Told, "concentration")
    assert model.conditions
    z, treated = model.noise(1, 0), [np.argmax(Conditions(tiny_store, "concentration").of(np.arange(192))[:, 0])]
    assert model.generate(z, np.array(treated)).mean() > model.generate(z, cohorts.controls[:1]).mean()
    through_noise, between_cells = (interpolate(model, cohorts, space=space, pairs=3, steps=3) for space in ("noise", "latent"))
    assert through_noise.pairs == between_cells.pairs == 3
    codes = model.encode(between_cells.cells.reshape(-1)).reshape(3, 2, -1)
    assert between_cells.images["linear"][:, 2] == pytest.approx(model.decode(codes[:, 1], between_cells.cells[:, 0]), abs=1e-6)
    made = traverse_codes(model, 4, 3, 0)
    assert made.images.shape[:3] == (2, 4, 3)
    series = dose_series(model, cohorts, next(iter(cohorts.compounds)), 0)
    assert len(series.decoded) == len(series.record.doses) and doses_text(series.record)


def test_doses_rise_and_their_mean_code_is_decoded(tiny_store, cohorts):
    compound = max(cohorts.compounds, key=lambda name: len(cohorts.compounds[name]))
    model = model_of(tiny_store)
    made = dose_series(model, cohorts, compound, 0, shown=3)
    names = [dose.name for dose in made.record.doses]
    assert names == ["DMSO", *cohorts.compounds[compound]] and len(names) > 2
    assert [dose.cells for dose in made.record.doses] == [len(cohorts.rows(name)) for name in names]
    assert all(set(dose.shown) <= set(cohorts.rows(dose.name)) and len(dose.shown) == 3 for dose in made.record.doses)
    expected = model.decode(np.stack([model.encode(cohorts.rows(name)).mean(axis=0) for name in names]))
    assert made.decoded == pytest.approx(expected, abs=1e-6)
    assert dose_sheet(made).shape[1] > len(names) * 64
    with pytest.raises(CytoBenchError, match="takes a compound, and DMSO has no doses"):
        dose_series(model, cohorts, "DMSO", 0)
    with pytest.raises(CytoBenchError, match=f"{names[1]} is one dose; did you mean '{compound}'"):
        dose_series(model, cohorts, names[1], 0)


def test_the_verb_prints_its_record_and_refuses_what_makes_no_sense(tiny_store, tmp_path, monkeypatch):
    monkeypatch.setattr("cytobench.loading.load_model", lambda run, **_: model_of(tiny_store))
    call = lambda words, **how: CliRunner().invoke(group, ["interpolate", *words], **how)  # noqa: E731
    shown = call(["--run", "any", "--steps", "3", "--pairs", "2", "--compared", "0", "--out", str(tmp_path), "--json"])
    record = json.loads(shown.output)
    assert record["paths"] == ["linear", "spherical", CROSS_FADE] and record["smoothness"] is None
    assert len(list(tmp_path.glob("interpolate-blocks-noise-*"))) == 2 == len(record["files"])
    for words, mode, idle in (
        (["--codes", "--doses", "taxol"], "--codes", "--doses"),
        (["--codes", "--from", "DMSO", "--features", "imagenet:mobilenet"], "--codes", "--from and --features"),
        (["--doses", "taxol", "--pairs", "6"], "--doses", "--pairs"),
        (["--compared", "0", "--features", "imagenet:mobilenet"], "--compared 0", "--features"),
    ):
        refused = call(["--run", "any", *words])
        assert refused.exit_code == 2 and f"with {mode} there is nothing for {idle} to do" in refused.output


def test_the_verb_names_the_doses(tiny_store, cohorts, tmp_path, monkeypatch):
    monkeypatch.setattr("cytobench.loading.load_model", lambda run, **_: model_of(tiny_store))
    compound = next(iter(cohorts.compounds))
    shown = CliRunner().invoke(group, ["interpolate", "--run", "any", "--doses", compound, "--out", str(tmp_path)])
    assert "SIMULATED" in shown.output and cohorts.compounds[compound][0] in shown.output
    assert len(list(tmp_path.glob("interpolate-blocks-doses-*.png"))) == 1
