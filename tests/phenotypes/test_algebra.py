"""Vector algebra: profiles are the protocol's, sums are sums, and the verb says so."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from cytobench import registry
from cytobench.cli.algebra import _answer_text
from cytobench.datasets.conditions import Conditions
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, InvertibleMethod, Method
from cytobench.phenotypes.algebra import picture
from cytobench.phenotypes.algebra.algebra import answer, read_sums
from cytobench.phenotypes.algebra.expression_tokens import ExpressionError
from cytobench.phenotypes.algebra.ranking import chance, distances, ranks
from cytobench.phenotypes.algebra.report import algebra
from cytobench.phenotypes.algebra.space import CodeSpace
from cytobench.phenotypes.model import Model
from cytobench.profiling.aggregate import cells_to_wells
from cytobench.training.recipe import Recipe

decode = Model.decode


class Corners(Method, InvertibleMethod):
    """A code of the mean of each corner of each channel, and its decoding."""

    def encode(self, cells: CellBatch):
        blocks = cells.images.unfold(2, 32, 32).unfold(3, 32, 32)
        return blocks.mean(dim=(-1, -2)).flatten(1)

    def decode(self, z):
        return z.reshape(len(z), len(self.channels), 2, 2).repeat_interleave(32, 2).repeat_interleave(32, 3).clamp(0, 1)

    def embed(self, cells):
        return self.encode(cells)


@pytest.fixture(scope="module")
def screening():
    return registry.benchmark("bbbc021-moa")


@pytest.fixture(scope="module")
def model(tiny_store):
    recipe = Recipe.model_validate({"input": {"scaling": "range", "crop_size": 64, "masks": False}})
    method = Corners(recipe, tiny_store.channels, 64, 0)
    return Model("corners", "SIMULATED data: corners on tiny", method, recipe, tiny_store, 0)


@pytest.fixture(scope="module")
def space(model, screening):
    return CodeSpace(model, screening)


def test_the_gallery_is_what_the_protocol_scores(model, space, screening):
    names = [f"Code_{number}" for number in range(space.codes.shape[1])]
    rows = np.arange(len(model.store))
    table = cells_to_wells(model.encode(rows).astype(np.float64), model.store.cells, names)
    scores = screening.score(table)
    screen = space.screen
    far = distances(space.gallery, space.gallery)
    found = ranks(far, screen.compounds[:, None] != screen.compounds[None, :], screen.moas[:, None] == screen.moas[None, :])
    expected = next(entry for entry in scores.panel if entry.postprocessing == scores.headline)
    assert found.top1.mean() == pytest.approx(expected.nsc.value)
    nearest = {f"{p.compound}@{p.concentration:g}": p.distance for p in scores.predictions}
    mine = np.where(screen.compounds[:, None] != screen.compounds[None, :], far, np.inf).min(axis=1)
    assert mine == pytest.approx([nearest[treatment.name] for treatment in screen.treatments], abs=1e-6)


def test_control_wells_are_the_origin(space):
    assert space.mean(space.profiles, space.members("DMSO")) == pytest.approx(0, abs=1e-9)
    assert np.abs(space.gallery).max() > 0.1


def test_a_sum_is_the_sum_of_its_terms(model, screening):
    texts = ["AZ-A@1 - AZ-A@0.3 + AZ258@0.1", "Actin disruptors - DMSO + DMSO'", "2*row:3"]
    space, (first, second, third) = read_sums(texts, model, screening, seed=0, progress=False)
    one, other, last = (space.mean(space.codes, space.members(n)) for n in ("AZ-A@1", "AZ-A@0.3", "AZ258@0.1"))
    assert first.code == pytest.approx(one - other + last)
    assert first.profile == pytest.approx(first.profiles[0] - first.profiles[1] + first.profiles[2])
    halves = [np.concatenate(places) for places in second.members[1:]]
    assert np.intersect1d(*halves).size == 0
    assert np.array_equal(np.sort(np.concatenate(halves)), space.members("DMSO")[0])
    origin = space.mean(space.codes, space.members("DMSO"))
    assert third.code == pytest.approx(origin + 2 * (model.encode(np.array([3]))[0] - origin), abs=1e-6)


def test_own_terms_are_ranked_apart(model, screening):
    space, (added,) = read_sums(["AZ-A@1"], model, screening, seed=0, progress=False)
    found = answer(space, added, 3)
    assert found.nearest_with_own[0].treatment == "AZ-A@1"
    assert found.nearest_with_own[0].own_term and found.nearest_with_own[0].distance == pytest.approx(0, abs=1e-8)
    assert [n.treatment for n in found.nearest] == [n.treatment for n in answer(space, added, 4).nearest_with_own[1:]]
    assert found.terms[0].nearest == found.nearest[0].treatment
    assert found.length == pytest.approx(np.linalg.norm(added.profile))


def test_what_is_nothing_but_rounding_ranks_nothing(model, screening, tmp_path):
    texts = ["AZ-A@1 + DMSO", "AZ-A@1 + AZ-A@0.3 + AZ-A@0.1 - 3*(AZ-A@1 + AZ-A@0.3 + AZ-A@0.1)", "DMSO"]
    doses = CodeSpace(model, screening).cohorts.compounds["AZ-A"]
    texts[1] = f"{' + '.join(doses)} - {len(doses)} * AZ-A"
    space, (first, second, third) = read_sums(texts, model, screening, seed=0, progress=False)
    found = answer(space, first, 3)
    assert found.terms[1].nearest is None and found.terms[0].nearest == found.nearest[0].treatment
    assert not first.profiles[1].any() and not second.profile.any() and not third.profile.any()
    for added in (second, third):
        nothing = answer(space, added, 3)
        assert (nothing.nearest, nothing.nearest_with_own, nothing.length, nothing.control_place) == ((), (), 0, 1)
    (drawn,) = algebra([texts[1]], model, screening, tmp_path).answers
    assert drawn.files and "DMSO, the origin: it has no direction" in _answer_text(drawn)


def test_where_nothing_is_left_that_is_said_first_and_control_cells_are_shown(model, screening, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(picture, "save_figure", lambda figure, path: drawn.append(figure))
    found, other = algebra(["0.001 * AZ-A@1", "AZ-A@1"], model, screening, tmp_path).answers
    assert found.control_place == found.control_place_with_own == 1 < other.control_place_with_own
    assert _answer_text(found).split("\n")[1] == "nothing left: the result is nearest to DMSO"
    assert drawn[0].get_suptitle().split("\n")[2] == found.verdict and "nothing left" not in drawn[1].get_suptitle()
    assert any("the nearest: DMSO" in axes.get_xlabel().replace("\n", " ") for axes in drawn[0].axes)
    only_own = found.model_copy(update={"control_place_with_own": 2})
    assert only_own.verdict == "own terms left out, the result is nearest to DMSO"


def test_distances_have_a_scale_in_text_and_picture(model, space, screening, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(picture, "save_figure", lambda figure, path: drawn.append(figure))
    (found,) = algebra(["2 * AZ-A@1 - 2 * AZ-A@0.3 - AZ258@0.1"], model, screening, tmp_path).answers
    treatments = space.screen.treatments
    pairs = [(i, j) for i in range(len(treatments)) for j in range(i)]
    far = distances(space.gallery, space.gallery)
    alike = [far[i, j] for i, j in pairs if treatments[i].compound == treatments[j].compound]
    assert found.scale.any_two == pytest.approx(np.median([far[i, j] for i, j in pairs]))
    assert found.scale.one_compound == pytest.approx(np.median(alike)) and found.scale.text in _answer_text(found)
    bars = drawn[0].axes[-1]
    marks = [line.get_xdata()[0] for line in bars.lines if line.get_label().startswith("median")]
    assert marks == pytest.approx([found.scale.any_two, found.scale.one_compound])
    assert {f"{neighbour.distance:.3f}" for neighbour in found.nearest_with_own} <= {text.get_text() for text in bars.texts}
    assert [term.sign for term in found.terms] == ["+ 2 x", "- 2 x", "-"]
    assert all(term.distance > 0 for term in found.terms)


def test_few_and_pinned_cells_are_told(model, screening):
    space, (added,) = read_sums(["AZ-A@1 + row:3 - DMSO + DMSO'"], model, screening, seed=0, progress=False)
    found = answer(space, added, 3)
    assert found.notes[-1] == "row:3: one cell" and not any("DMSO" in note for note in found.notes)
    pinned = found.terms[0].model_copy(update={"name": "taxol@0.3", "cells": 6, "of_cells": 708})
    told = found.model_copy(update={"terms": (pinned,)})
    sentence = "taxol@0.3: a mean of 6 cells, of its 708 those in the wells that the protocol pins"
    assert told.notes == (sentence,) and f"note: {sentence}" in _answer_text(told)


class Told(Corners):
    """Decodes what it is told, the concentration, as brightness."""

    def decode(self, z, condition=None):
        return condition[:, :1, None, None].expand(-1, len(self.channels), 64, 64).clamp(0, 1)


def test_a_conditional_model_is_told_of_a_cell_of_each_term(model, screening, tmp_path, monkeypatch):
    recipe = model.recipe.model_copy(update={"condition": "treatment"})
    conditions = Conditions(model.store, "treatment")
    method = Told(recipe, model.channels, 64, 0, conditions.names)
    conditional = Model("told", "SIMULATED data: told", method, recipe, model.store, 0)
    seen = []
    monkeypatch.setattr(Model, "decode", lambda self, z, rows=None: seen.append(rows) or decode(self, z, rows))
    algebra(["AZ-A@1 - AZ-A@0.3 + AZ258@0.1"], conditional, screening, tmp_path)
    cells = model.store.cells.iloc[seen[0]]
    named = [f"{compound}@{dose:g}" for compound, dose in zip(cells["compound"], cells["concentration"], strict=True)]
    assert named == ["AZ-A@1", "AZ-A@0.3", "AZ258@0.1", "AZ-A@1"]


def test_simulated_cells_are_not_called_real(model, screening, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(picture, "save_figure", lambda figure, path: drawn.append(figure))
    algebra(["AZ-A@1 - DMSO"], model, screening, tmp_path)
    said = [axes.get_xlabel() for axes in drawn[0].axes]
    assert model.store.simulated == ("simulated cells" in said) != ("real cells" in said)


def test_many_terms_take_another_row_and_no_label_is_cut(model, screening, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(picture, "save_figure", lambda figure, path: drawn.append(figure))
    names = list(CodeSpace(model, screening).cohorts.treatments)[:8]
    algebra([" + ".join(names)], model, screening, tmp_path)
    figure = drawn[0]
    FigureCanvasAgg(figure).draw()
    assert figure.get_size_inches()[0] == picture.WIDTH
    words = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert max(text.get_window_extent().x1 for text in words) <= figure.bbox.x1
    assert min(text.get_window_extent().x0 for text in words) >= 0


def test_ties_give_chance():
    allowed, right = np.ones((1, 10), bool), np.arange(10)[None, :] < 2
    found = ranks(np.zeros((1, 10)), allowed, right)
    orders = [np.random.default_rng(seed).permutation(10)[:2].min() + 1 for seed in range(20_000)]
    assert found.top1[0] == pytest.approx(0.2)
    assert found.top3[0] == pytest.approx(np.mean(np.array(orders) <= 3), abs=0.02)
    assert found.reciprocal[0] == pytest.approx(np.mean(1 / np.array(orders)), abs=0.02)
    assert found.reciprocal == chance(allowed, right).reciprocal


def test_ranks_count_the_nearer_allowed():
    far = np.array([[0.1, 0.2, 0.3, 0.4]])
    allowed = np.array([[False, True, True, True]])
    found = ranks(far, allowed, np.array([[True, False, False, True]]))
    assert (found.top1[0], found.top3[0], found.reciprocal[0]) == (0, 1, pytest.approx(1 / 3))


def test_euclidean_distances():
    far = distances(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0], [3.0, 0.0]]), "euclidean")
    assert far[0] == pytest.approx([5, 4])


def test_pictures_are_written_under_names_of_their_own(model, screening, tmp_path):
    """Each call, another seed and the same seed again: the same question alone takes the same name."""
    calls = [("AZ-A@1 + DMSO", 0), ("AZ-A@1 - DMSO", 0), ("AZ-A@1 - DMSO", 1), ("AZ-A@1 - DMSO", 0)]
    reports = [algebra([text], model, screening, tmp_path, nearest=5, seed=seed) for text, seed in calls]
    named = [file for report in reports for file in report.answers[0].files]
    files = set(named)
    assert len(files) == 3 and named[1] == named[3]
    assert sorted(map(str, tmp_path.iterdir())) == sorted(files)


def test_equal_seeds_give_equal_answers(model, screening):
    def answered(seed):
        space, (added,) = read_sums(["AZ-A@1 - DMSO + DMSO'"], model, screening, seed=seed, progress=False)
        return answer(space, added, 5)

    assert answered(3) == answered(3)
    assert answered(3).length != answered(4).length


@pytest.mark.parametrize(
    ("text", "at", "sentence"),
    [
        ("AZ-A@1 - AZ-Q@1", 9, "did you mean"),
        ("AZ-A@1 - AZ-A@1'", 9, "only DMSO has a second half"),
        ("row:100000", 0, "has 192 cells"),
        ("taxol@0.3", 0, "no cells called 'taxol@0.3'"),
    ],
)
def test_names_that_are_not_here(model, screening, text, at, sentence):
    with pytest.raises(ExpressionError, match=sentence) as raised:
        read_sums([text], model, screening, seed=0, progress=False)
    assert raised.value.at == at


def test_an_expression_of_everything_leaves_nothing_to_find(model, screening):
    moas = " + ".join(CodeSpace(model, screening).cohorts.moas)
    space, (added,) = read_sums([moas], model, screening, seed=0, progress=False)
    with pytest.raises(CytoBenchError, match="names every treatment there is"):
        answer(space, added, 3)


def test_a_code_that_is_not_finite_is_refused(model, screening):
    class Broken(Corners):
        def encode(self, cells):
            return super().encode(cells) * float("nan")

    broken = Model("broken", "", Broken(model.recipe, model.channels, 64, 0), model.recipe, model.store, 0)
    with pytest.raises(CytoBenchError, match="broken: the code of row 0 of tiny is not finite"):
        CodeSpace(broken, screening)


def test_the_verb(model, monkeypatch, tmp_path):
    from cytobench import loading
    from cytobench.cli import group

    monkeypatch.setattr(loading, "load_model", lambda *_, **__: model)
    call = [str(tmp_path), "--run", "RUN", "--out", str(tmp_path)]
    shown = CliRunner().invoke(group, ["algebra", "AZ-A@1 - AZ-A@0.3 + AZ258@0.1", *call[1:]])
    assert shown.exit_code == 0, shown.output
    assert "own terms left out" in shown.output and "algebra-corners-AZ-A-1-AZ-A-0.3-AZ258-0.1-" in shown.output
    as_json = CliRunner().invoke(group, ["algebra", "AZ258@1 - DMSO", *call[1:], "--json", "--nearest", "2"])
    printed = json.loads(as_json.stdout)
    assert [len(found["nearest"]) for found in printed["answers"]] == [2]
    wrong = CliRunner().invoke(group, ["algebra", "AZ-A@1 - AZ-Q@1", *call[1:]])
    assert isinstance(wrong.exception, CytoBenchError)
    assert "AZ-A@1 - AZ-Q@1\n         ^\n" in wrong.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["AZ-A@1", "-", "AZ-A@0.3", "+", "AZ258@0.1"], 'put the whole expression in quotes: "AZ-A@1 - AZ-A@0.3 + AZ258@0.1"'),
        (["-AZ-A@1 + DMSO"], '-- before one that begins with a minus: cytobench algebra --run RUN -- "-A + B"'),
        (["AZ-A@1 - * DMSO"], "'*' stands"),
    ],
)
def test_what_is_wrong_whatever_cells_there_are_is_said_before_a_model_is_loaded(monkeypatch, arguments, sentence):
    from cytobench import loading
    from cytobench.cli import group

    monkeypatch.setattr(loading, "load_model", lambda *_, **__: pytest.fail("a model is loaded"))
    shown = CliRunner().invoke(group, ["algebra", *arguments, "--run", "RUN"])
    assert shown.exit_code != 0 and sentence in " ".join(f"{shown.output} {shown.exception}".split())


def test_a_misspelt_option_is_not_taken_for_an_expression():
    from cytobench.cli import group

    shown = CliRunner().invoke(group, ["algebra", "A", "--run", "RUN", "--nearst", "3"])
    assert "--nearest" in shown.output and "quotes" not in shown.output
