"""The whole path: what a run leaves behind, what it does not do twice, and what it does when a method misbehaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cytobench import catalogue, registry
from cytobench.benchmark import MOABenchmark
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.evaluation import evaluate, score
from cytobench.files import sha256
from cytobench.loading import load_method
from cytobench.results.runs import Run
from cytobench.runner import run

QUICK = ("training.steps=3", "training.batch_size=8")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def trained(tiny_store: CellStore, runs: Path) -> Run:
    return run("lsgan", str(tiny_store.path), options=QUICK, runs=runs)


def plugin(folder: Path, body: str, name: str = "mine") -> Path:
    """A plugin file whose embed() has this body."""
    card = {"name": name, "title": "Mine", "kind": "other", "citation": "none", "supervision": "none", "licence": "MIT"}
    code = "import torch, numpy as np, cytobench\n"
    code += f"class Mine(cytobench.Method):\n    card = {card}\n    def embed(self, cells):\n        {body}\n"
    file = folder / "plugin.py"
    file.write_text(code)
    return file


# --- what a run leaves behind ---------------------------------------------------------------------------------------


def test_a_trained_run_leaves_everything(trained: Run, tiny_store: CellStore):
    files = {path.name for path in trained.path.iterdir()}
    assert files == {
        "run.json", "log.jsonl", "weights.safetensors", "training_state.pt", "embeddings.npy", "profiles.parquet", "scores.json",
        "predictions.csv", "figures", "tensorboard", "report.html",
    }  # fmt: skip
    assert np.load(trained.path / "embeddings.npy").shape == (len(tiny_store), 100)
    assert len(pd.read_csv(trained.path / "predictions.csv")) == 20
    record = trained.record
    assert (record.status, record.simulated, record.cells_seen, record.untrained) == ("finished", True, 24, False)
    assert set(record.stages) == {"train", "embed", "score"}
    assert all(
        sha256(trained.path / name) == digest for stage in record.stages.values() for name, digest in stage.outputs.items()
    )
    made_by = record.stages["train"].provenance
    assert made_by.versions["torch"] and "+" not in made_by.versions["torch"]


def test_the_untrained_twin_stands_beside_it(trained: Run, runs: Path):
    twin = Run.read(runs / trained.record.twin_folder)
    assert (twin.record.untrained, twin.record.cells_seen, twin.record.seed) == (True, 0, trained.record.seed)
    assert twin.record.recipe == trained.record.recipe
    difference = trained.record.twin
    assert difference.value == pytest.approx(trained.scores.entry().nsc.value - twin.scores.entry().nsc.value)
    assert difference.n == 20 and 0 < difference.p <= 1


def test_the_board_shows_both_and_says_simulated(trained: Run, runs: Path):
    board = (runs / "board.md").read_text()
    assert "| lsgan " in board and "| lsgan (untrained) " in board
    assert "SIMULATED data: tiny" in board
    assert "Controls still missing here: batch; cell-count; intensity; random; random-network." in board


def test_scores_say_what_they_are_of(trained: Run):
    scores = trained.scores
    assert (scores.counts.treatments, scores.counts.wells, scores.counts.cells) == (20, 64, 192)
    assert scores.warnings[0].startswith("83 of the protocol's 103 treatments have no well")


def test_equal_runs_give_equal_bytes(trained: Run, tiny_store: CellStore, tmp_path: Path):
    again = run("lsgan", str(tiny_store.path), options=QUICK, runs=tmp_path)
    for name in ("weights.safetensors", "embeddings.npy", "scores.json", "predictions.csv"):
        assert sha256(again.path / name) == sha256(trained.path / name), name
    assert again.record.keys == trained.record.keys


# --- what is not done twice -----------------------------------------------------------------------------------------


def test_a_finished_run_is_not_done_again(trained: Run, tiny_store: CellStore, runs: Path):
    before = {path: path.stat().st_mtime_ns for path in trained.path.iterdir()}
    assert run("lsgan", str(tiny_store.path), options=QUICK, runs=runs).path == trained.path
    assert {path: path.stat().st_mtime_ns for path in trained.path.iterdir()} == before


def test_a_new_protocol_version_scores_again_and_does_not_retrain(
    trained: Run, tiny_store: CellStore, runs: Path, monkeypatch: pytest.MonkeyPatch
):
    made = registry.benchmark("bbbc021-moa")
    made.version = 2
    monkeypatch.setattr(registry, "benchmark", lambda name: made)
    again = run("lsgan", str(tiny_store.path), options=QUICK, runs=runs)
    assert again.path != trained.path
    assert again.scores.benchmark == "bbbc021-moa/2"
    assert again.record.stages["train"] == trained.record.stages["train"]
    assert again.record.stages["embed"] == trained.record.stages["embed"]
    assert os.path.samefile(again.path / "weights.safetensors", trained.path / "weights.safetensors")


def test_a_changed_recipe_or_seed_is_another_run(trained: Run, tiny_store: CellStore, runs: Path):
    others = [
        run("lsgan", str(tiny_store.path), options=(*QUICK, "latent=8"), runs=runs),
        run("lsgan", str(tiny_store.path), options=QUICK, seed=1, runs=runs),
    ]
    assert len({other.record.keys.train for other in [trained, *others]}) == 3


def test_a_run_can_be_evaluated_again(trained: Run, runs: Path):
    again = evaluate(str(trained.path), runs=runs)
    assert again.path == trained.path and again.record == trained.record


# --- profiles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["batch", "cell-count"])
def test_profile_methods_see_wells_only(method: str, tiny_store: CellStore, runs: Path):
    finished = run(method, str(tiny_store.path), runs=runs)
    assert set(finished.record.stages) == {"embed", "score"}
    assert finished.scores.entry("raw").nsc.n == 20


def test_supplied_profiles_score_as_the_run_that_they_came_from(trained: Run, tmp_path: Path):
    table = tmp_path / "My Profiles.parquet"
    table.write_bytes((trained.path / "profiles.parquet").read_bytes())
    supplied = evaluate(str(table), runs=tmp_path / "runs")
    assert (supplied.record.method, supplied.record.supplied) == ("my-profiles", True)
    assert supplied.record.card.supervision == "not stated"
    assert supplied.scores.panel == trained.scores.panel


def test_images_are_not_evaluated_and_tables_not_embedded(trained: Run, tiny_store: CellStore, runs: Path, data: Path):
    with pytest.raises(CytoBenchError, match="holds cell images; score it with 'cytobench run"):
        evaluate(str(tiny_store.path), runs=runs)
    with pytest.raises(CytoBenchError, match="intensity embeds images, but per_well_mean is a table of profiles"):
        run("intensity", str(data / "ljosa2013" / "per_well_mean.csv.gz"), runs=runs)
    with pytest.raises(CytoBenchError, match="cell-count needs the number of cells in each well, but in per_well_mean not all"):
        run("cell-count", str(data / "ljosa2013" / "per_well_mean.csv.gz"), runs=runs)


def test_load_method_gives_the_trained_weights(trained: Run, tiny_store: CellStore):
    from cytobench.embedding.embed import embed

    embeddings = embed(load_method("lsgan", tiny_store, weights=trained.path), tiny_store)
    assert np.array_equal(embeddings.values, np.load(trained.path / "embeddings.npy"))
    assert score(embeddings).panel == trained.scores.panel


def test_load_method_never_gives_untrained_weights_in_silence(trained: Run, tiny_store: CellStore):
    with pytest.raises(CytoBenchError, match="lsgan is trained: make a run with"):
        load_method("lsgan", tiny_store)
    with pytest.raises(CytoBenchError, match="is a checkpoint of lsgan, not of vae"):
        load_method("vae", tiny_store, weights=trained.path)


PRETRAINED = """
import cytobench

class Mine(cytobench.Method):
    card = dict(
        name="mine", title="Mine", kind="transferred", citation="none", supervision="imagenet", licence="none",
        untrained_options={"weights": "random"},
    )

    class Options(cytobench.Record):
        weights: str = "learned"
        power: float = 1.0

    def embed(self, cells):
        signed = 1 if self.options.weights == "learned" else -1
        return signed * (cells.images**self.options.power).mean(dim=(2, 3))
"""


def test_what_was_trained_elsewhere_stands_beside_its_untrained_twin(tiny_store: CellStore, tmp_path: Path):
    file = tmp_path / "plugin.py"
    file.write_text(PRETRAINED)
    learned = run("mine", str(tiny_store.path), plugin=file, options=("power=2",), runs=tmp_path / "runs")
    assert learned.record.twin is not None
    twin = Run.read(tmp_path / "runs" / str(learned.record.twin_folder))
    assert twin.record.untrained and twin.record.recipe["options"] == {"power": 2, "weights": "random"}
    np.testing.assert_array_equal(np.load(twin.path / "embeddings.npy"), -np.load(learned.path / "embeddings.npy"))
    alone = run("mine", str(tiny_store.path), plugin=file, options=("weights=random",), runs=tmp_path / "alone")
    assert alone.record.twin is None and len(list((tmp_path / "alone").glob("*/*/*/run.json"))) == 1


# --- methods that misbehave -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return torch.zeros(len(cells))", r"Mine returned shape \(2,\) for 2 rows; it must return \(2, D\)"),
        ("return torch.zeros(len(cells), 2, dtype=torch.long)", "Mine returned int64; it must return float32 vectors"),
        ("return np.zeros((len(cells), 2))", "Mine returned float64; it must return float32 vectors"),
        ("return torch.zeros(len(cells) - 1, 2)", r"Mine returned shape \(1, 2\) for 2 rows"),
        ("return torch.zeros(len(cells), 0)", r"Mine returned shape \(2, 0\)"),
        ("return torch.full((len(cells), 2), float('nan'))", "Mine returned nan for row 0 of a batch, feature 0"),
        ("return torch.full((len(cells), 2), float('inf'))", "Mine returned inf for row 0 of a batch, feature 0"),
        ("return ['Actin disruptors'] * len(cells)", r"Mine returned shape \(2,\)"),
        ("return None", r"Mine returned shape \(\)"),
        ("return cells.compound", "'CellBatch' object has no attribute 'compound'"),
    ],
)
def test_wrong_output_is_one_sentence_and_a_failed_run(body: str, sentence: str, tiny_store: CellStore, tmp_path: Path):
    with pytest.raises(CytoBenchError, match=sentence):
        run("mine", str(tiny_store.path), plugin=plugin(tmp_path, body), runs=tmp_path / "runs")
    (record,) = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/*/*/run.json")]
    assert record["status"] == "failed" and "embed" not in record["stages"]
    assert not list((tmp_path / "runs").glob("*/*/*/embeddings.npy"))


@pytest.mark.parametrize(
    "body",
    [
        "self.calls = getattr(self, 'calls', 0) + 1; return torch.full((len(cells), 2), float(self.calls))",
        "return torch.nn.functional.batch_norm(cells.images.mean((2, 3)), None, None, training=True)",
        "return cells.images.mean((2, 3)) + torch.arange(len(cells))[:, None]",
        "return torch.nn.functional.dropout(cells.images.mean((2, 3)))",
    ],
    ids=["call counter", "batch norm", "position in the batch", "dropout"],
)
def test_what_depends_on_the_batch_is_refused(body: str, tiny_store: CellStore, tmp_path: Path):
    """The order of cells follows plates and treatments: a method that knows it knows a label."""
    with pytest.raises(CytoBenchError, match="another vector beside other cells; embed\\(\\) must be deterministic"):
        run("mine", str(tiny_store.path), plugin=plugin(tmp_path, body), runs=tmp_path / "runs")


def test_a_removed_twin_is_made_again(tiny_store: CellStore, tmp_path: Path):
    first = run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path)
    twin = tmp_path / first.record.twin_folder
    shutil.rmtree(twin)
    again = run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path)
    assert Run.read(twin).record.status == "finished"
    assert again.record.twin == first.record.twin


def test_lost_weights_are_trained_again_with_all_that_came_of_them(tiny_store: CellStore, tmp_path: Path):
    first = run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path)
    before = (first.path / "embeddings.npy").stat().st_mtime_ns
    (first.path / "weights.safetensors").unlink()
    again = run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path)
    assert again.path == first.path and (again.path / "weights.safetensors").is_file()
    assert (again.path / "embeddings.npy").stat().st_mtime_ns > before


def test_an_edited_score_is_not_shown(tiny_store: CellStore, tmp_path: Path):
    first = run("random", str(tiny_store.path), runs=tmp_path)
    scores = first.path / "scores.json"
    scores.write_text(scores.read_text().replace('"value": 0.', '"value": 0.9'))
    with pytest.raises(CytoBenchError, match="its scores are not as they were written; run it again"):
        _ = Run.read(first.path).scores


def test_changed_options_are_shown_beside_the_recipe(trained: Run):
    assert trained.record.recipe_label == "small + training.steps=3 + training.batch_size=8"


def test_making_and_training_leave_the_callers_random_numbers_alone(tiny_store: CellStore, tmp_path: Path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run("vae", str(tiny_store.path), options=QUICK, runs=tmp_path)
    assert torch.equal(torch.rand(3), expected)


def test_profiles_of_simulated_cells_stay_simulated(trained: Run, tmp_path: Path):
    table = tmp_path / "taken-elsewhere.parquet"
    table.write_bytes((trained.path / "profiles.parquet").read_bytes())
    assert evaluate(str(table), runs=tmp_path / "runs").record.simulated


def test_supplied_embeddings_cannot_take_a_methods_name(trained: Run, tmp_path: Path):
    with pytest.raises(CytoBenchError, match="the name 'batch' is a registered method's"):
        evaluate(str(trained.path / "profiles.parquet"), name="batch", runs=tmp_path)


def test_a_failed_run_is_never_reused(tiny_store: CellStore, tmp_path: Path):
    body = f"assert not __import__('os').path.exists({str(tmp_path / 'broken')!r}), 'broken'; return cells.images.mean((2, 3))"
    (tmp_path / "broken").touch()
    file = plugin(tmp_path, body)
    with pytest.raises(CytoBenchError, match=r"Mine.embed failed with AssertionError: broken \(.*plugin.py, line 5\)"):
        run("mine", str(tiny_store.path), plugin=file, runs=tmp_path / "runs")
    (failed,) = [Run.read(path.parent) for path in (tmp_path / "runs").glob("*/*/*/run.json")]
    with pytest.raises(CytoBenchError, match="the run is failed: Mine.embed failed with AssertionError: broken"):
        _ = failed.scores
    (tmp_path / "broken").unlink()
    again = run("mine", str(tiny_store.path), plugin=file, runs=tmp_path / "runs")
    assert (again.path, again.record.status, again.record.error) == (failed.path, "finished", None)


def test_an_interrupted_run_keeps_its_finished_stages(tiny_store: CellStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(MOABenchmark, "score", interrupt)
        run("lsgan", str(tiny_store.path), options=QUICK, runs=tmp_path)
    (interrupted,) = [Run.read(path.parent) for path in tmp_path.glob("*/*/*/run.json")]
    assert interrupted.record.status == "interrupted"
    again = run("lsgan", str(tiny_store.path), options=QUICK, runs=tmp_path)
    assert again.record.stages["train"] == interrupted.record.stages["train"]
    assert again.record.status == "finished"


def test_a_damaged_output_is_made_again(tiny_store: CellStore, tmp_path: Path):
    first = run("random", str(tiny_store.path), runs=tmp_path)
    whole = sha256(first.path / "embeddings.npy")
    (first.path / "embeddings.npy").unlink()
    again = run("random", str(tiny_store.path), runs=tmp_path)
    assert sha256(again.path / "embeddings.npy") == whole


def test_a_store_of_other_channels_or_size_is_refused(tiny_store: CellStore, tmp_path: Path):
    with pytest.raises(
        CytoBenchError, match="asks for crops of 128 px, but tiny has 64 x 64 px; set -o input.crop_size=64 or less"
    ):
        run("lsgan", str(tiny_store.path), options=("input.crop_size=128",), runs=tmp_path)
    with pytest.raises(
        CytoBenchError, match="a crop of 36 px cannot be halved 3 times; set -o input.crop_size to a multiple of 8"
    ):
        run("lsgan", str(tiny_store.path), options=("input.crop_size=36",), runs=tmp_path)
    assert not (tmp_path / "board.md").exists()


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGTERM, "interrupted"), (signal.SIGINT, "interrupted"), (signal.SIGKILL, "stopped")]
)
def test_a_run_that_is_stopped_says_so_and_can_be_made(sent: signal.Signals, status: str, tiny_store: CellStore, tmp_path: Path):
    words = ["run", "--method", "vae", "--dataset", str(tiny_store.path), "--runs", str(tmp_path), "-o", "training.batch_size=8"]
    command = [sys.executable, "-m", "cytobench", *words]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*command, "-o", "training.steps=100000"], stderr=subprocess.PIPE, text=True, env=one_thread
    ) as training:
        until = time.monotonic() + 60
        while not any(path.stat().st_size for path in tmp_path.glob("*/*/*/log.jsonl")):  # until it trains
            assert training.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        training.send_signal(sent)
        training.wait(timeout=60)
    (row,) = catalogue.runs(tmp_path)
    assert (row["method"], row["status"]) == ("vae", status)
    finished = subprocess.run([*command, "-o", "training.steps=2"], capture_output=True, text=True, env=one_thread)
    assert finished.returncode == 0, finished.stderr


def test_what_does_not_fit_the_recipe_is_said_before_anything_is_written(tiny_store: CellStore, tmp_path: Path):
    for option, sentence in (
        ("optimizer.generator.lr=1e-4", "optimizer.generator names no network of it; it has autoencoder"),
        ("training.batch_size=1000", "tiny has 192 cells, fewer than a batch of 1000; set -o training.batch_size"),
        ("widths=[]", "widths: Tuple should have at least 1 item"),
    ):
        with pytest.raises(CytoBenchError, match=sentence):
            run("vae", str(tiny_store.path), options=[option], runs=tmp_path / "runs")
    with pytest.raises(CytoBenchError, match="-o 'training.steps=5': intensity is not trained"):
        run("intensity", str(tiny_store.path), options=["training.steps=5"], runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_store_whose_images_were_exchanged_is_not_scored(tiny_store: CellStore, tmp_path: Path):
    """Else its score would stand under the key of the store that it was."""
    shutil.copytree(tiny_store.path, tmp_path / "store")
    file = tmp_path / "store" / "images-00000.npy"
    np.save(file, np.load(file)[::-1])
    with pytest.raises(CytoBenchError, match="images-00000.npy: damaged"):
        run("intensity", str(tmp_path / "store"), runs=tmp_path / "runs")


def test_what_a_method_prints_is_no_result(tiny_store: CellStore, tmp_path: Path):
    file = plugin(tmp_path, "print('hello'); return cells.images.mean((2, 3))")
    words = [
        "run",
        "--method",
        "mine",
        "--plugin",
        str(file),
        "--dataset",
        str(tiny_store.path),
        "--runs",
        str(tmp_path),
        "--json",
    ]
    finished = subprocess.run([sys.executable, "-m", "cytobench", *words], capture_output=True, text=True)
    assert json.loads(finished.stdout)["method"] == "mine"
    assert "hello" in finished.stderr
