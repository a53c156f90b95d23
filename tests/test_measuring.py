"""A benchmark that is put to models: what a run of it leaves, reuses and refuses."""

import json

import numpy as np
import pytest

from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.evaluation import evaluate
from cytobench.phenotypes.benchmark import ModelBenchmark
from cytobench.planning import make_plan
from cytobench.results.measures import Column, Line, Measure, Measures
from cytobench.results.runs import Run
from cytobench.runner import run, run_plan

QUICK = ("training.steps=2", "training.batch_size=8")


class Brightness(ModelBenchmark):
    """How bright generated cells are."""

    name, version, requires = "brightness", 1, "generative"

    def __init__(self):
        """It has no protocol."""

    def measure(self, model, figures, *, progress=False):
        """The mean of 8 cells."""
        images = model.generate(model.noise(8, 0), np.arange(8))
        figures.mkdir(parents=True, exist_ok=True)
        (figures / "brightness.png").write_bytes(b"no picture")
        result = Line(name=model.name, role="method", measures={"mean": Measure(value=float(images.mean()), n=8)})
        column = Column(name="mean", title="mean", better="neither", meaning="Of all pixels.")
        return Measures(
            benchmark=self.identity, under="8 cells", headline="mean", columns=(column,), result=result, references=()
        )


@pytest.fixture(autouse=True)
def brightness(monkeypatch):
    genuine = registry.benchmark
    monkeypatch.setattr(registry, "benchmark", lambda name: Brightness() if name.startswith("brightness") else genuine(name))


def test_a_run_trains_once_and_measures_model_and_twin(tiny_store, tmp_path):
    scored = run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path)
    measured = run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path, benchmark="brightness")
    assert measured.record.stage_names == ("train", "score") and measured.record.requires == "generative"
    assert measured.record.stages["train"] == scored.record.stages["train"]
    assert "figures/measures/brightness.png" in measured.record.stages["score"].outputs
    twin = Run.read(tmp_path / measured.record.twin_folder)
    assert twin.record.untrained and twin.measures.result.name == "vae (untrained)"
    assert twin.measures.result.measures["mean"] != measured.measures.result.measures["mean"]
    assert "--benchmark brightness" in measured.record.command
    assert "vae (untrained)" in (tmp_path / "phenotypes.md").read_text()
    before = (measured.path / "scores.json").stat().st_mtime_ns
    again = run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path, benchmark="brightness")
    assert (again.path, (again.path / "scores.json").stat().st_mtime_ns) == (measured.path, before)


def test_a_lost_picture_is_drawn_again(tiny_store, tmp_path):
    measured = run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path, benchmark="brightness")
    picture = measured.path / "figures/measures/brightness.png"
    picture.unlink()
    run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path, benchmark="brightness")
    assert picture.is_file()


def test_the_command_prints_the_measures(tiny_store, tmp_path, cli):
    words = ["run", "--method", "vae", "--dataset", tiny_store.path, "--benchmark", "brightness", "--runs", tmp_path]
    words += [word for option in QUICK for word in ("-o", option)]
    told = cli(*words)
    assert told.status == 0 and "SIMULATED data" in told.out and "phenotypes.md" in told.out
    summary = json.loads(cli(*words, "--json").out)
    assert summary["measures"]["result"]["measures"]["mean"]["n"] == 8
    assert "score: done" in cli(*words, "--dry-run").out


@pytest.mark.parametrize("method", ["ae", "intensity", "batch"])
def test_a_method_that_cannot_answer_is_refused_before_anything_is_made(method, tiny_store, tmp_path):
    with pytest.raises(CytoBenchError, match=f"brightness is put to methods that synthesise cells, which {method} does not"):
        run(method, str(tiny_store.path), runs=tmp_path, benchmark="brightness")
    assert not any(tmp_path.iterdir())


def test_models_are_measured_by_run_and_not_by_evaluate_or_embed(tiny_store, tmp_path, profiles):
    scored = run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path)
    with pytest.raises(CytoBenchError, match=f"use 'cytobench run --checkpoint {scored.path} --benchmark brightness'"):
        evaluate(str(scored.path), benchmark="brightness", runs=tmp_path)
    measured = run("vae", str(tiny_store.path), runs=tmp_path, checkpoint=str(scored.path), benchmark="brightness")
    assert measured.measures.result.measures["mean"].n == 8
    asked = {"recipe": None, "options": QUICK, "seed": 0, "device": "cpu", "plugin": None}
    plan = make_plan("vae", str(tiny_store.path), benchmark="brightness", **asked)
    with pytest.raises(CytoBenchError, match="brightness is put to the model itself and embeds nothing"):
        run_plan(plan, tmp_path, until="embedded")
