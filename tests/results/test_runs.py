"""Keys chain, finished stages are reused, failed runs never are, and only one process writes a run."""

import json
import time

import numpy as np
import pytest
from records import made_entry, made_run

from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.results.keys import chained, train_key
from cytobench.results.provenance import Meter, provenance
from cytobench.results.runs import Run, find_runs
from cytobench.results.schema import Scores
from cytobench.schema import load_json
from cytobench.training.recipe import Recipe
from cytobench.versions import installed_version

PLUGIN = """
from cytobench.method import Method
OFFSET = {offset}
class Mine(Method):
    card = {{"name": "mine", "title": "Mine", "kind": "other", "citation": "c", "supervision": "none", "licence": "MIT"}}
    def embed(self, cells):
        return cells.images.mean((2, 3)) + OFFSET
"""


class TestKeys:
    """What changes what."""

    def test_another_protocol_version_changes_only_the_score(self):
        one, two = chained("train", "data", "", "bbbc021-moa/1"), chained("train", "data", "", "bbbc021-moa/2")
        assert (one.train, one.embed) == (two.train, two.embed)
        assert one.score != two.score

    def test_other_evaluated_data_change_embedding_and_score(self):
        one, two = chained("train", "data", "", "b/1"), chained("train", "other", "", "b/1")
        assert one.train == two.train
        assert one.embed != two.embed
        assert one.score != two.score

    def test_other_training_changes_everything(self):
        one, two = chained("train", "data", "", "b/1"), chained("other", "data", "", "b/1")
        assert not set(one.model_dump().values()) & set(two.model_dump().values())

    @pytest.mark.parametrize(
        "change",
        [
            {"recipe": Recipe(options={"features": 9})}, {"channels": ("DNA", "Actin")}, {"channels": ("Actin",)}, {"size": 48},
            {"seed": 1}, {"training_data": "another store"}, {"method": registry.method("intensity").load_class()},
        ],
        ids=lambda change: next(iter(change)),
    )  # fmt: skip
    def test_all_that_decides_training_is_in_its_key(self, change):
        given = {
            "method": registry.method("random").load_class(), "recipe": Recipe(), "channels": ("DNA",), "size": 64, "seed": 0,
            "training_data": "a store",
        }  # fmt: skip
        assert train_key(**given) == train_key(**given)
        assert train_key(**given) != train_key(**{**given, **change})

    def test_the_methods_source_is_in_its_key(self, tmp_path):
        keys = []
        for name, offset in (("a", 1), ("b", 1), ("c", 2)):
            (tmp_path / f"{name}.py").write_text(PLUGIN.format(offset=offset))
            method = registry.method("mine", tmp_path / f"{name}.py").load_class()
            keys.append(train_key(method, Recipe(), ("DNA",), 64, 0, "a store"))
        assert keys[0] == keys[1] != keys[2]

    def test_the_source_of_a_base_class_is_in_its_key(self, tmp_path, monkeypatch):
        import cytobench.results.keys as module

        method = registry.method("random").load_class()
        before = train_key(method, Recipe(), ("DNA",), 64, 0, "a store")
        monkeypatch.setattr(module.inspect, "getsource", lambda base: f"changed {base}")
        assert train_key(method, Recipe(), ("DNA",), 64, 0, "a store") != before


@pytest.fixture
def record():
    """A run that was not made yet: ``record(benchmark=...)``."""
    return lambda **changes: made_entry(**{"status": "running", "stages": {}, **changes}).run


def make(run, done, **errors):
    """Make a run of two stages, noting in ``done`` what was really done; ``score=error`` fails there."""

    def write(name):
        if name in errors:
            raise errors[name]
        done.append(name)
        (run.path / f"{name}.txt").write_text(name)

    with run.writing():
        run.stage("embed", ("embed.txt",), "cpu", lambda: write("embed"))
        run.stage("score", ("score.txt",), "cpu", lambda: write("score"))


def test_a_finished_run_is_finished_for_whoever_asks(tmp_path, record):
    done = []
    make(Run.at(tmp_path, record()), done)
    again = Run.at(tmp_path, record())
    assert again.finished()
    assert again.record.status == "finished"
    assert {name: sorted(stage.outputs) for name, stage in again.record.stages.items()} == {
        "embed": ["embed.txt"], "score": ["score.txt"],
    }  # fmt: skip
    assert not Run.at(tmp_path, record(seed=1)).finished()
    assert done == ["embed", "score"]


def test_a_stage_under_the_same_key_is_taken_from_a_sibling(tmp_path, record):
    done = []
    make(Run.at(tmp_path, record()), done)
    second = Run.at(tmp_path, record(benchmark="bbbc021-moa/2"))
    assert second.reusable_stages() == {"embed": Run.at(tmp_path, record()).path}
    make(second, done)
    assert done == ["embed", "score", "score"]
    assert (second.path / "embed.txt").read_text() == "embed"
    assert second.path != Run.at(tmp_path, record()).path
    other_data = Run.at(tmp_path, record(dataset_identity="e" * 64))
    make(other_data, done)
    assert done[3:] == ["embed", "score"]


def test_a_stage_outlives_the_sibling_that_it_was_taken_from(tmp_path, record):
    first, second = Run.at(tmp_path, record()), Run.at(tmp_path, record(benchmark="bbbc021-moa/2"))
    make(first, [])
    make(second, [])
    for file in first.path.iterdir():
        file.unlink()
    assert Run.at(tmp_path, record(benchmark="bbbc021-moa/2")).finished()


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (CytoBenchError("column 'x' is wrong"), "failed", "column 'x' is wrong"),
        (ValueError("boom"), "failed", "ValueError: boom"),
        (KeyboardInterrupt(), "interrupted", None),
    ],
    ids=["refused", "crashed", "interrupted"],
)
def test_a_run_that_did_not_end_well_says_so_and_is_never_reused(tmp_path, record, error, status, said):
    done = []
    with pytest.raises(type(error)):
        make(Run.at(tmp_path, record()), done, score=error)
    there = Run.read(Run.at(tmp_path, record()).path)
    assert (there.record.status, there.record.error) == (status, said)
    assert not Run.at(tmp_path, record()).finished()
    with pytest.raises(CytoBenchError, match=f"the run is {status}{f': {said}' if said else ''}; run it again"):
        _ = there.scores
    make(Run.at(tmp_path, record()), done)
    again = Run.read(there.path)
    assert (again.record.status, again.record.error) == ("finished", None)
    assert done == ["embed", "score"]  # the embedding was whole; the score is made anew


def test_a_stage_that_failed_is_done_again(tmp_path, record):
    done = []
    with pytest.raises(ValueError, match="boom"):
        make(Run.at(tmp_path, record()), done, embed=ValueError("boom"))
    assert Run.at(tmp_path, record()).reusable_stages() == {}
    make(Run.at(tmp_path, record()), done)
    assert done == ["embed", "score"]


@pytest.mark.parametrize(("name", "remade"), [("embed", ["embed", "score"]), ("score", ["score"])])
@pytest.mark.parametrize("harm", [lambda file: file.unlink(), lambda file: file.write_text("half")], ids=["deleted", "damaged"])
def test_outputs_that_were_harmed_are_made_again_with_all_that_came_of_them(tmp_path, record, name, remade, harm):
    done = []
    run = Run.at(tmp_path, record())
    make(run, done)
    harm(run.path / f"{name}.txt")
    again = Run.at(tmp_path, record())
    assert not again.finished()
    make(again, done)
    assert done == ["embed", "score", *remade]
    assert (run.path / f"{name}.txt").read_text() == name
    assert Run.at(tmp_path, record()).finished()


def test_a_stage_must_write_what_it_promises(tmp_path, record):
    run = Run.at(tmp_path, record())
    with pytest.raises(FileNotFoundError), run.writing():
        run.stage("embed", ("embed.txt",), "cpu", lambda: None)
    assert Run.read(run.path).record.status == "failed"


def test_two_processes_on_one_run_are_one_sentence_for_the_second(tmp_path, another_process):
    run = made_run(tmp_path, made_entry())
    first = f"""
from cytobench.results.runs import Run
with Run.read(Path({str(run.path)!r})).writing():
    print("writing", flush=True)
    sys.stdin.read()
"""
    sentence = f"^the run {run.path} is being written by another process; wait for it to end, then try again$"
    with another_process(first):
        with pytest.raises(CytoBenchError, match=sentence), run.writing():
            pytest.fail("entered")
        assert Run.read(run.path).record.status == "running"
    assert Run.read(run.path).record.status == "finished"
    assert run.finished()


def test_a_run_of_another_schema_version_is_one_sentence(tmp_path):
    run = made_run(tmp_path, made_entry())
    content = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(content | {"schema_version": 7}))
    with pytest.raises(CytoBenchError, match="run.json: schema version 7, but this CytoBench reads version 1; use the CytoBench"):
        _ = Run.read(run.path).scores


def test_a_run_of_another_schema_version_is_never_overwritten(tmp_path, record):
    run = made_run(tmp_path, made_entry())
    text = (run.path / "run.json").read_text().replace('"schema_version": 1', '"schema_version": 7')
    (run.path / "run.json").write_text(text)
    with pytest.raises(CytoBenchError, match="schema version 7"):
        Run.at(tmp_path, record()).finished()
    assert (run.path / "run.json").read_text() == text
    assert Run.at(tmp_path, record(benchmark="bbbc021-moa/2")).reusable_stages() == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(None, "not a run folder (it has no run.json)"), ('{"schema', "not valid JSON"), ('{"schema_version": 1}', "is missing")],
)
def test_a_folder_that_is_no_run_is_one_sentence(tmp_path, cli, text, sentence):
    folder = tmp_path / "data" / "method" / "key"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "run.json").write_text(text)
    with pytest.raises(CytoBenchError) as raised:
        Run.read(folder)
    assert sentence in str(raised.value)
    assert str(folder) in str(raised.value)


def test_runs_are_found_in_the_order_of_their_paths(tmp_path):
    for method in ("b", "a"):
        made_run(tmp_path, made_entry(method))
    (tmp_path / "stray").mkdir()
    assert [run.record.method for run in find_runs(tmp_path)[0]] == ["a", "b"]


def test_an_untrained_twin_lies_beside_its_method(tmp_path):
    twin = made_run(tmp_path, made_entry("gan", untrained=True))
    assert twin.path.parent == tmp_path / "screen" / "gan-untrained"
    assert twin.record.label == "gan (untrained)"


def test_scores_read_back(tmp_path):
    entry = made_entry(correct=(1.0, 0.5, 0.0))
    assert made_run(tmp_path, entry).scores == entry.scores
    assert load_json(Scores, tmp_path / entry.run.folder / "scores.json").entry("raw").nsc.value == pytest.approx(0.4)


def test_the_meter_sees_memory_that_was_used_for_a_moment():
    with Meter() as idle:
        time.sleep(0.06)
    with Meter() as meter:
        np.ones(200 * 2**20, np.uint8)
        block = np.ones(200 * 2**20, np.uint8)
        time.sleep(0.15)
        del block
        time.sleep(0.1)
    assert meter.peak_memory_bytes - idle.peak_memory_bytes > 180 * 2**20
    assert 0.25 <= meter.seconds < 2


def test_the_meter_measures_what_fails_too():
    with pytest.raises(ValueError, match="boom"), Meter() as meter:
        time.sleep(0.02)
        raise ValueError("boom")
    assert meter.seconds >= 0.02
    assert meter.peak_memory_bytes > 0


def test_provenance_names_what_decides_numbers():
    here = provenance()
    assert {"python", "cytobench", "numpy", "torch", "pandas", "scikit-learn"} <= here.versions.keys()
    assert here.cores > 0
    assert installed_version("cytobench-has-no-such-package") == ""
