"""Vector algebra: profiles are the protocol's, sums are sums, and the verb says so."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, InvertibleMethod, Method
from cytobench.phenotypes.algebra.algebra import answer, read_sums
from cytobench.phenotypes.algebra.expression_tokens import ExpressionError
from cytobench.phenotypes.algebra.ranking import chance, distances, ranks
from cytobench.phenotypes.algebra.report import algebra
from cytobench.phenotypes.algebra.space import CodeSpace
from cytobench.phenotypes.model import Model
from cytobench.profiling.aggregate import cells_to_wells
from cytobench.training.recipe import Recipe


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
    report = algebra(["AZ-A@1 - DMSO + DMSO'", "AZ-A@1 - DMSO - DMSO'"], model, screening, tmp_path, nearest=5)
    files = [file for found in report.answers for file in found.files]
    assert len(set(files)) == 2
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
    from cytobench.cli.algebra import command

    monkeypatch.setattr(loading, "load_model", lambda *_, **__: model)
    call = [str(tmp_path), "--run", "RUN", "--out", str(tmp_path)]
    shown = CliRunner().invoke(command, ["AZ-A@1 - AZ-A@0.3 + AZ258@0.1", *call[1:]])
    assert shown.exit_code == 0, shown.output
    assert "own terms left out" in shown.output and "algebra-corners-AZ-A-1-AZ-A-0.3-AZ258-0.1.png" in shown.output
    as_json = CliRunner().invoke(command, ["AZ258@1 - DMSO", *call[1:], "--json", "--nearest", "2"])
    printed = json.loads(as_json.stdout)
    assert [len(found["nearest"]) for found in printed["answers"]] == [2]
    wrong = CliRunner().invoke(command, ["AZ-A@1 - AZ-Q@1", *call[1:]])
    assert isinstance(wrong.exception, CytoBenchError)
    assert "AZ-A@1 - AZ-Q@1\n         ^\n" in wrong.output
