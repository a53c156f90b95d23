"""The visual Turing test: its cells, its key, and the scores of what jurors answered."""

import hashlib
import io
import json
import re

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from scipy.stats import binomtest

from cytobench.cli import group
from cytobench.errors import CytoBenchError
from cytobench.method import GenerativeMethod, Method
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.pictures import composites
from cytobench.phenotypes.turing.answers import Judgement, Judgements, find_key, read_judgements, read_key
from cytobench.phenotypes.turing.page import render, sealed, write_test
from cytobench.phenotypes.turing.score import clopper_pearson, effective_number, rate, score
from cytobench.phenotypes.turing.text import score_text
from cytobench.phenotypes.turing.turing import TuringKey, make_test, png
from cytobench.runner import run
from cytobench.schema import dump_json, load_json
from cytobench.training.recipe import Recipe


class Flat(Method, GenerativeMethod):
    """Cells of one brightness each; where it is conditional, that of the concentration it is told."""

    def embed(self, cells):
        return cells.images.mean(dim=(2, 3))

    def noise(self, n):
        return torch.rand(n, 3)

    def generate(self, z, condition=None):
        self.check_condition(condition)
        level = z if condition is None else condition[:, :1].expand(-1, 3)
        return level[:, :, None, None].expand(-1, -1, self.size, self.size)


def model_of(store, *, name="flat", conditions=()):
    recipe = Recipe(condition="concentration" if conditions else None)
    return Model(name, f"SIMULATED data: {name}", Flat(recipe, store.channels, 64, 0, conditions), recipe, store, 0)


@pytest.fixture(scope="module")
def model(tiny_store):
    return model_of(tiny_store)


@pytest.fixture(scope="module")
def key(model):
    return make_test(model, 10, 0).key


def answers(key, *, fooled=0, doubted=0, juror="", sitting="0" * 16, seconds=1.0):
    """A juror who takes the first ``fooled`` generated cells for real and the first ``doubted`` real ones for generated."""
    said = key.truth.copy()
    said[np.flatnonzero(key.truth)[:fooled]] = False
    said[np.flatnonzero(~key.truth)[:doubted]] = True
    told = tuple(Judgement(generated=bool(one), seconds=seconds) for one in said)
    return Judgements(test=key.id, sitting=sitting, juror=juror, answers=told)


class TestCells:
    """Half real, half generated, in an order that nothing tells."""

    def test_every_picture_is_the_cell_that_the_key_says(self, model, tiny_store):
        test = make_test(model, 10, 0)
        assert test.key.truth.sum() == 10 and len(test.pictures) == 20
        for cell, picture in zip(test.key.cells, test.pictures, strict=True):
            shown = np.asarray(Image.open(io.BytesIO(picture)))
            if cell.generated:
                assert cell.row is None and (shown == shown[0, 0]).all()
            else:
                assert np.array_equal(shown, composites(model.real(np.array([cell.row])), tiny_store.channels)[0])
        assert len({cell.row for cell in test.key.cells if not cell.generated}) == 10

    def test_the_seed_decides_and_models_of_one_seed_differ_in_order_and_in_cells(self, model, tiny_store):
        one, other = make_test(model, 10, 3), make_test(model_of(tiny_store, conditions=concentration(tiny_store)), 10, 3)
        assert one == make_test(model, 10, 3) and one.key.id != make_test(model, 10, 4).key.id
        assert other.key.truth.tolist() != one.key.truth.tolist()
        assert len(set(one.pictures) & set(other.pictures)) < 5  # a picture that is in two tests is of a real cell

    def test_nothing_on_the_page_is_the_seed_of_the_order(self, model):
        """Every hexadecimal word of the page, and of what a reader would make of two of them, taken for the seed."""
        test = make_test(model, 20, 2718281828)
        text = re.sub(r"data:image/png;base64,[\w+/=]+", "", render(test))
        words = {test.key.salt, test.key.id, *re.findall(r"(?<![\w#])[0-9a-fA-F]+(?!\w)", text)}
        pairs = [f"{one}{between}{other}" for one in words for other in words for between in ("", " ", "\0")]
        digests = [hashlib.sha256(word.encode()).hexdigest() for word in [*words, *pairs]]
        tried = {int(word, 16) for word in [*words, *digests]} | {int(word) for word in words if word.isdigit()}
        assert test.key.salt in text and test.key.id in text and test.key.seed not in tried
        for seed in tried:
            order = np.random.default_rng(seed).permutation(40)
            for guess in (order >= 20, np.argsort(order) >= 20):
                assert 0.0 < (guess == test.key.truth).mean() < 1.0

    def test_a_conditional_model_is_told_the_treatments_of_the_real_cells(self, tiny_store):
        test = make_test(model_of(tiny_store, conditions=concentration(tiny_store)), 10, 0)
        real, told = ({cell.row for cell in test.key.cells if cell.generated is kind} for kind in (False, True))
        assert real == told and len(told) == 10 and test.key.conditional
        for cell, picture in zip(test.key.cells, test.pictures, strict=True):
            if cell.generated:
                control = tiny_store.cells["concentration"].iloc[cell.row] == 0
                assert (np.asarray(Image.open(io.BytesIO(picture))).max() == 0) == control

    def test_a_file_tells_nothing_by_its_length_or_its_chunks(self, model):
        smooth, noisy = np.zeros((64, 64, 3), np.uint8), np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        assert len(png(smooth)) == len(png(noisy))
        assert {len(picture) for picture in make_test(model, 10, 0).pictures} == {len(png(smooth))}
        assert Image.open(io.BytesIO(png(noisy))).info == {}

    def test_flagged_cells_are_counted(self, model, tiny_store, monkeypatch):
        assert make_test(model, 5, 0).key.flagged is None
        flags = np.arange(len(tiny_store)) % 2 == 0
        monkeypatch.setitem(tiny_store.__dict__, "cells", tiny_store.cells.assign(flagged=flags))
        key = make_test(model, 50, 0).key
        assert key.flagged == sum(flags[cell.row] for cell in key.cells if not cell.generated)

    def test_what_cannot_be_asked(self, model, tiny_store, monkeypatch):
        with pytest.raises(CytoBenchError, match="tiny has 192 cells, fewer than the 193"):
            make_test(model, 193, 0)
        monkeypatch.setattr(Flat, "generate", lambda self, z, condition=None: torch.full((len(z), 3, 64, 64), float("nan")))
        with pytest.raises(CytoBenchError, match="NaN"):
            make_test(model, 3, 0)


def concentration(store):
    from cytobench.datasets.conditions import Conditions

    return Conditions(store, "concentration").names


class TestKey:
    """Kept apart, told by its contents, never lost."""

    def test_it_is_read_back(self, model, tmp_path):
        test = make_test(model, 4, 0)
        written = write_test(test, tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["turing-flat-key.json", "turing-flat.html"]
        assert load_json(TuringKey, tmp_path / "turing-flat-key.json") == test.key and written.test == test.key.id

    def test_the_id_is_of_the_contents(self, key):
        cells = (key.cells[0].model_copy(update={"generated": not key.cells[0].generated}), *key.cells[1:])
        assert key.model_copy(update={"cells": cells}).id != key.id

    def test_the_key_of_another_test_is_not_overwritten(self, model, tmp_path):
        write_test(make_test(model, 4, 0), tmp_path)
        before = (tmp_path / "turing-flat.html").read_text()
        with pytest.raises(CytoBenchError, match="holds the key of another test"):
            write_test(make_test(model, 4, 1), tmp_path)
        assert (tmp_path / "turing-flat.html").read_text() == before
        assert write_test(make_test(model, 4, 0), tmp_path).cells == 4

    def test_names_of_files_are_plain(self, tiny_store, tmp_path):
        page = write_test(make_test(model_of(tiny_store, name="../C-GAN (untrained)"), 2, 0), tmp_path).page
        assert page == str(tmp_path / "turing-C-GAN-untrained.html")

    def test_sealing_hides_every_bit_and_depends_on_the_test(self):
        truth = np.zeros(256, bool)
        one, other = (np.unpackbits(np.frombuffer(sealed(truth, test, "salt"), np.uint8)) for test in ("a", "b"))
        assert len(one) == 256 + 32 and 90 < one.sum() < 200 and 90 < (one != other).sum() < 200


class TestAnswers:
    """What jurors send in is checked before it counts."""

    def write(self, folder, name, record):
        (folder / name).write_text(dump_json(record))
        return folder / name

    def test_files_are_read_and_the_key_is_found_beside_them(self, model, tmp_path):
        test = make_test(model, 4, 0)
        write_test(test, tmp_path)
        write_test(make_test(model, 4, 1), tmp_path / "other")
        path = self.write(tmp_path, "a.json", answers(test.key))
        assert find_key([path]) == tmp_path / "turing-flat-key.json"
        assert read_judgements([path], test.key) == (answers(test.key),)
        astray = self.write(tmp_path / "other", "a.json", answers(test.key))
        with pytest.raises(CytoBenchError, match="name the key file with --key"):
            find_key([astray])

    def test_a_key_that_cannot_be_read_hides_no_other(self, model, tmp_path):
        test = make_test(model, 4, 0)
        write_test(test, tmp_path)
        (tmp_path / "turing-a-key.json").write_text("{")
        (tmp_path / "turing-b-key.json").write_text(dump_json(test.key).replace('"schema_version": 1', '"schema_version": 0'))
        (tmp_path / "turing-c-key.json").write_bytes(b"\xff")
        path = self.write(tmp_path, "answers.json", answers(test.key))
        assert find_key([path]) == tmp_path / "turing-flat-key.json"
        (tmp_path / "turing-flat-key.json").unlink()
        with pytest.raises(CytoBenchError, match="--key") as error:
            find_key([path])
        assert all(f"turing-{name}-key.json" in str(error.value) for name in "abc")

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"test": "f" * 16}, "answers test 'ffffffffffffffff', but the key is of test"),
            ({"answers": ()}, "is unfinished: it answers 0 of 20 cells"),
            ({"sitting": "x"}, "sitting"),
            ({"schema_version": 2}, "schema version 2"),
            ({"colour": 1}, "unknown key 'colour'"),
            ({"answers": [{"generated": "yes", "seconds": 1}] * 20}, "answers.0.generated"),
            ({"answers": [{"generated": True, "seconds": -1}] * 20}, "answers.0.seconds"),
            ({"answers": [{"generated": True, "seconds": 1}] * 21}, "is damaged: it answers 21 of 20"),
        ],
    )
    def test_a_bad_file_is_named(self, key, tmp_path, change, sentence):
        (tmp_path / "bad.json").write_text(json.dumps(answers(key).model_dump(mode="json") | change))
        with pytest.raises(CytoBenchError, match="bad.json") as error:
            read_judgements([tmp_path / "bad.json"], key)
        assert sentence in str(error.value)

    def test_damaged_missing_and_the_key_itself(self, model, tmp_path):
        test = make_test(model, 4, 0)
        write_test(test, tmp_path)
        (tmp_path / "cut.json").write_text(dump_json(answers(test.key))[:-20])
        for name, sentence in (
            ("cut.json", "not valid JSON"),
            ("none.json", "no such file"),
            ("turing-flat-key.json", "is the key of a test"),
        ):
            with pytest.raises(CytoBenchError, match=sentence):
                read_judgements([tmp_path / name], test.key)

    def test_files_that_are_mixed_up_are_called_what_they_are(self, key, tmp_path):
        juror, renamed = self.write(tmp_path, "a.json", answers(key)), self.write(tmp_path, "renamed.json", key)
        (tmp_path / "list.json").write_text("[1, 2]")
        for read, path, sentence in (
            (read_key, juror, "a.json: this is a juror's file, not the key"),
            (lambda path: read_judgements([path], key), renamed, "renamed.json: this is the key of a test"),
            (read_key, tmp_path / "list.json", "list.json: is neither a juror's file nor the key"),
            (lambda path: read_judgements([path], key), tmp_path / "list.json", "is neither a juror's file nor the key"),
        ):
            with pytest.raises(CytoBenchError, match=sentence):
                read(path)

    def test_nobody_counts_twice(self, key, tmp_path):
        first = self.write(tmp_path, "a.json", answers(key, juror="Ann"))
        again = self.write(tmp_path, "b.json", answers(key, fooled=1))
        with pytest.raises(CytoBenchError, match=r"b\.json: the same answers as .*a\.json"):
            read_judgements([first, again], key)
        renamed = self.write(tmp_path, "c.json", answers(key, juror="ann ", sitting="1" * 16, seconds=2.0))
        with pytest.raises(CytoBenchError, match="a person counts once"):
            read_judgements([first, renamed], key)
        copied = self.write(tmp_path, "d.json", answers(key, sitting="2" * 16))
        with pytest.raises(CytoBenchError, match="the same answers"):
            read_judgements([first, copied], key)


class TestScore:
    """Rates, intervals and the comparison with the published experts."""

    def test_rates_of_one_juror(self, key):
        scored = score([answers(key, fooled=3, doubted=1, seconds=2.5)], key)
        (one,) = scored.jurors
        assert (one.juror, one.seconds) == ("juror 1", 2.5)
        assert (one.fooled.value, one.fooled.count, one.fooled.of) == (0.3, 3, 10)
        assert (one.doubted.value, one.accuracy.value, one.accuracy.of) == (0.1, 0.8, 20)
        assert scored.pooled.fooled == one.fooled and scored.holds_published and not scored.holds_chance
        assert one.p_published == pytest.approx(1.0)

    @pytest.mark.parametrize(("hits", "n"), [(0, 50), (15, 50), (50, 50), (1, 1), (72, 100)])
    def test_intervals_and_p_are_those_of_scipy(self, hits, n):
        exact = binomtest(hits, n).proportion_ci(0.95, "exact")
        assert clopper_pearson(hits / n, n) == pytest.approx((exact.low, exact.high), abs=1e-9)

    def test_p_falls_as_a_juror_leaves_the_published_rate(self, key):
        p = [score([answers(key, fooled=fooled)], key).jurors[0].p_published for fooled in (3, 6, 10)]
        assert p[0] > p[1] > p[2] and p[2] == pytest.approx(binomtest(10, 10, 0.3).pvalue)

    def test_jurors_who_disagree_make_the_interval_wider(self):
        alike = np.array([[True] * 30 + [False] * 70] * 5)
        unlike = np.array([[True] * (10 * hits) + [False] * (100 - 10 * hits) for hits in (1, 2, 3, 4, 5)])
        assert rate(alike).value == rate(unlike).value == pytest.approx(0.3)
        assert rate(unlike).high - rate(unlike).low > 2 * (rate(alike).high - rate(alike).low)

    def test_the_effective_number_is_korn_and_graubards(self):
        unlike = np.array([[True] * hits + [False] * (100 - hits) for hits in (20, 30, 40)])
        design = (0.01 / 3) / (0.3 * 0.7 / 300)  # variance of the mean of three rates, over that of 300 coin flips
        ratio = (1.96793 / 4.30265) ** 2  # Student's t at 97.5% with 299 and with 2 degrees of freedom, from tables
        assert effective_number(unlike) == pytest.approx(300 / design * ratio, rel=1e-4)
        assert effective_number(np.ones((3, 50), bool)) == pytest.approx(150 * (1.97601 / 4.30265) ** 2, rel=1e-4)
        assert effective_number(np.ones((1, 50), bool)) == 50

    def test_intervals_of_several_jurors_hold_the_truth_as_often_as_they_say(self):
        generator = np.random.default_rng(0)
        skill = generator.beta(6, 14, (1000, 3))  # jurors of mean 0.3 who differ
        held = []
        for jurors in skill:
            made = rate(generator.random((3, 50)) < jurors[:, None])
            held.append(made.low <= 0.3 <= made.high)
        assert np.mean(held) > 0.93

    def test_who_answers_at_random_is_not_told_from_chance(self, key):
        scored = score([answers(key, fooled=5, doubted=5), answers(key, fooled=4, doubted=6, sitting="1" * 16)], key)
        assert scored.holds_chance and scored.pooled.accuracy.value == 0.5
        assert "clusters" in scored.interval and scored.pooled.juror == "all 2"

    def test_few_jurors_say_nothing_of_others(self, key):
        few = score([answers(key, fooled=2), answers(key, fooled=5, sitting="1" * 16)], key)
        exact = binomtest(7, 20).proportion_ci(0.95, "exact")
        assert (few.these.fooled.low, few.these.fooled.high) == pytest.approx((exact.low, exact.high), abs=1e-9)
        assert few.these.fooled.value == few.pooled.fooled.value and few.these.accuracy.of == 40
        text = " ".join(score_text(few).split())
        assert "2 jurors say nothing of jurors in general" in text and "fooled rate of these 2 jurors only holds 30%" in text
        assert "Intervals of these 2 only: Clopper-Pearson over all answers" in text and "35 [15, 59]" in text
        many = score([answers(key, fooled=3, sitting=str(number) * 16) for number in range(5)], key)
        said = " ".join(score_text(many).split())
        assert "nothing of jurors" not in said and "fooled rate of all 5 jurors holds 30%" in said
        alone = score([answers(key)], key)
        assert alone.these is None and "1 juror says nothing of jurors in general" in " ".join(score_text(alone).split())

    def test_careless_jurors_are_named(self, key):
        hasty = answers(key, fooled=2, juror="Ann", seconds=0.29)
        same = answers(key, fooled=10, juror="Bo", sitting="1" * 16)
        scored = score([hasty, same, answers(key, doubted=10, sitting="2" * 16, seconds=0.3)], key)
        assert scored.notes == (
            "Ann took 0.29 s a cell in the median, under 0.3",
            "Bo took every cell for a simulated one",
            "juror 3 took every cell for a generated one",
        )
        assert "note: Ann took 0.29 s" in score_text(scored)


@pytest.fixture(scope="module")
def trained(tiny_store, tmp_path_factory):
    quick = ("training.steps=2", "training.batch_size=8")
    return run("vae", str(tiny_store.path), options=quick, runs=tmp_path_factory.mktemp("runs")).path


class TestCommand:
    """``cytobench turing``."""

    def called(self, *words):
        return CliRunner().invoke(group, ["turing", *map(str, words)])

    def test_a_page_and_its_key_and_then_the_scores(self, trained, tmp_path):
        made = self.called("--run", trained, "--n", 4, "--out", tmp_path, "--json")
        written = json.loads(made.stdout)
        assert written["kind"] == "simulated" and written["title"].startswith("SIMULATED") and written["cells"] == 4
        key = load_json(TuringKey, tmp_path / "turing-vae-key.json")
        assert key.weights > 10_000
        for number, fooled in enumerate((1, 2)):
            record = answers(key, fooled=fooled, juror=f"juror <{number}>", sitting=str(number) * 16)
            (tmp_path / f"{number}.json").write_text(dump_json(record))
        files = tmp_path / "0.json", tmp_path / "1.json"
        text = self.called("score", *files).stdout
        assert "SIMULATED" in text and "simulated taken for generated" in text and "taken for real" not in text
        assert "juror <0>" in text and "doi:10.1101/227645" in text and "38 [" in text
        scored = json.loads(self.called("score", *files, "--json").stdout)
        assert scored["pooled"]["fooled"]["value"] == 3 / 8 and scored["published"] == 0.3

    def test_without_a_seed_every_test_is_another(self, trained, tmp_path):
        drawn = {
            json.loads(self.called("--run", trained, "--n", 2, "--out", tmp_path / str(i), "--json").stdout)["test"]
            for i in (1, 2)
        }
        same = {
            json.loads(self.called("--run", trained, "--n", 2, "--seed", 5, "--out", tmp_path / f"s{i}", "--json").stdout)["test"]
            for i in (1, 2)
        }
        assert len(drawn) == 2 and len(same) == 1
        seeds = [load_json(TuringKey, tmp_path / folder / "turing-vae-key.json").seed for folder in ("1", "2", "s1")]
        assert seeds[0] != seeds[1] and seeds[2] == 5

    def test_wrong_usage(self, trained, tmp_path):
        assert "Missing option '--run'" in self.called().output
        for option in (("--run", trained), ("--seed", 5)):
            assert "give those of 'score' behind it" in self.called(*option, "score", tmp_path / "a.json").output
        assert "-1 is not in the range" in self.called("--run", trained, "--seed", -1).output
        assert self.called("score").exit_code == 2
        assert self.called("--run", trained, "--n", 0).exit_code == 2
        failed = self.called("--run", trained, "--n", 300, "--out", tmp_path)
        assert isinstance(failed.exception, CytoBenchError) and not list(tmp_path.iterdir())
