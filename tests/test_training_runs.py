"""Training through the command line: stopped and gone on, in part, further, with conditions, in several processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import screen_cells

from cytobench.datasets.conditions import Conditions
from cytobench.datasets.selection import select
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter
from cytobench.errors import CytoBenchError
from cytobench.loading import load_method
from cytobench.results.runs import Run
from cytobench.runner import run
from cytobench.training.checkpoint import STATE, load_state

SMALL = ("training.batch_size=8", "widths=[4, 4, 4]", "training.evaluate_every=5")


def changes(*options: str) -> list[str]:
    return [word for option in (*SMALL, *options) for word in ("-o", option)]


def store_like(
    store: CellStore, path: Path, table: pd.DataFrame, channels: tuple[str, ...] | None = None, cells: int = 192
) -> CellStore:
    """The same images with another table or other channels."""
    rows = np.arange(cells)
    facts = {"simulated": True, "all_cells_counted": True, "provenance": {}}
    with CellStoreWriter(path, name=path.name, channels=channels or store.channels, **facts) as writer:
        writer.append(store.images(rows), table.iloc[:cells], store.masks(rows))
    return CellStore(path)


def only_run(runs: Path, method: str = "lsgan") -> Run:
    (folder,) = [path.parent for path in runs.glob(f"*/{method}/*/run.json")]
    return Run.read(folder)


# --- train, then run ------------------------------------------------------------------------------------------------


def test_train_stops_before_embedding_and_run_goes_on_from_there(cli, tiny_store: CellStore, tmp_path: Path):
    words = ["--method", "lsgan", "--dataset", tiny_store.path, "--runs", tmp_path, *changes("training.steps=10")]
    said = json.loads(cli("train", *words, "--json").out)
    trained = only_run(tmp_path)
    assert trained.record.status == "trained" and not (trained.path / "embeddings.npy").exists()
    assert said["weights_sha256"] == trained.record.weights_sha256 and (said["cells_seen"], said["kept_step"]) == (80, 10)
    cli("run", *words)
    finished = only_run(tmp_path)
    assert finished.record.status == "finished"
    assert finished.record.stages["train"] == trained.record.stages["train"]
    figures = {path.name for path in (finished.path / "figures").iterdir()}
    assert figures == {
        "real.png",
        "samples.png",
        "samples-000005.png",
        "samples-000010.png",
        "training.png",
        "cells.png",
        "scores.png",
    }
    assert (finished.path / "report.html").is_file() and list((finished.path / "tensorboard").iterdir())
    again = cli("train", *words)
    assert again.status == 0 and only_run(tmp_path).record == finished.record, "what is finished stays so"


def test_the_log_says_whether_it_collapsed(tiny_store: CellStore, tmp_path: Path):
    made = run("lsgan", str(tiny_store.path), options=[*SMALL, "training.steps=10"], runs=tmp_path)
    lines = [json.loads(line) for line in (made.path / "log.jsonl").read_text().splitlines()]
    evaluations = {line["step"]: line["evaluation"] for line in lines if "evaluation" in line}
    assert list(evaluations) == [5, 10]
    assert 0 <= evaluations[10]["diversity"] < 0.25, "ten steps make no variety"
    assert 0 <= evaluations[10]["discriminator_accuracy"] <= 1
    assert any(warning.startswith("mode collapse") for warning in evaluations[10]["warnings"])
    assert "mode collapse" in (made.path / "report.html").read_text()


def test_one_method_that_fails_does_not_stop_the_others(cli, tiny_store: CellStore, tmp_path: Path):
    words = ["--dataset", tiny_store.path, "--runs", tmp_path, *changes("training.steps=2", "real_labels=[0.9, 1.0]")]
    called = cli("train", "--method", "vae,lsgan", *words)
    assert called.status == 1
    assert "1 of 2 methods failed: vae: recipe of VAE, options: unknown key 'real_labels'" in called.err
    assert only_run(tmp_path).record.status == "trained"


def test_all_is_the_family_that_has_the_recipe(cli, tiny_store: CellStore, tmp_path: Path):
    words = [
        "--dataset",
        tiny_store.path,
        "--runs",
        tmp_path,
        "--dry-run",
        "-o",
        "training.batch_size=8",
        "-o",
        "input.crop_size=64",
    ]
    shown = cli("train", "--all", "--recipe", "cytogan", *words)
    methods = [line.split(" on ")[0] for line in shown.out.splitlines() if " on tiny" in line]
    assert methods == ["ae", "began", "bigan", "conv-ae", "dcgan", "infogan", "lsgan", "vae", "wgan"]
    assert "no method has a recipe 'cytogann'; did you mean 'cytogan'?" in cli("train", "--all", "--recipe", "cytogann").sentence
    assert cli("train", "--all", "--method", "lsgan").status == 2
    assert cli("train").status == 2


def test_a_run_that_was_killed_in_training_goes_on_and_ends_the_same(tiny_store: CellStore, tmp_path: Path):
    options = [*SMALL, "training.steps=60"]
    straight = run("lsgan", str(tiny_store.path), options=options, runs=tmp_path / "straight")
    command = [sys.executable, "-m", "cytobench", "train", "--method", "lsgan", "--dataset", str(tiny_store.path)]
    command += ["--runs", str(tmp_path / "killed"), *changes("training.steps=60")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 100
        while not (found := list((tmp_path / "killed").glob(f"*/*/*/{STATE}"))):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert 5 <= load_state(found[0])["step"] < 60
    assert Run.read(found[0].parent).stopped()
    gone_on = run("lsgan", str(tiny_store.path), options=options, runs=tmp_path / "killed")
    assert gone_on.record.weights_sha256 == straight.record.weights_sha256
    steps = [json.loads(line)["step"] for line in (gone_on.path / "log.jsonl").read_text().splitlines()]
    assert steps == [json.loads(line)["step"] for line in (straight.path / "log.jsonl").read_text().splitlines()]


def test_several_processes_make_one_run(tiny_store: CellStore, tmp_path: Path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "cytobench"]
    words = ["run", "--method", "ae", "--dataset", str(tiny_store.path), "--runs", str(tmp_path / "two"), "--json"]
    options = ["-o", "training.batch_size=8", "-o", "training.steps=6"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run([*launch, *words, *options], capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    two = only_run(tmp_path / "two", "ae")
    one = run("ae", str(tiny_store.path), options=options[1::2], runs=tmp_path / "one")
    assert two.record.cells_seen == one.record.cells_seen == 48
    np.testing.assert_allclose(np.load(two.path / "embeddings.npy"), np.load(one.path / "embeddings.npy"), rtol=1e-3, atol=1e-4)
    odd = [*launch, *words, *options[:-2], "-o", "training.steps=6", "-o", "training.batch_size=9"]
    refused = subprocess.run(odd, capture_output=True, text=True, env=environment, check=False)
    assert refused.returncode != 0 and "a batch of 9 cells does not divide by 2 processes" in refused.stderr


# --- on some of the cells, and further ---------------------------------------------------------------------------------


def test_training_on_some_weeks_is_recorded_and_the_unseen_is_a_number(cli, tiny_store: CellStore, tmp_path: Path):
    words = ["--method", "lsgan", "--dataset", tiny_store.path, "--runs", tmp_path, *changes("training.steps=5")]
    assert cli("run", *words, "--train-on", "week!=Week2").status == 0
    record = only_run(tmp_path).record
    assert record.recipe["training"]["train_on"] == "week!=Week2" and "week!=Week2" in record.command
    table = tiny_store.cells
    seen = table.loc[table["plate"].str.startswith("Week1"), ["compound", "concentration"]].drop_duplicates()
    unseen = len(table[["compound", "concentration"]].drop_duplicates()) - len(seen)
    assert record.unseen.nsc.n == record.unseen.twin.n == unseen > 0
    assert record.unseen.nsc.low <= record.unseen.nsc.value <= record.unseen.nsc.high


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("week=Week1", lambda t: t["plate"].str.startswith("Week1_")),
        ("week != Week1", lambda t: ~t["plate"].str.startswith("Week1_")),
        ("plate=Week1_1,Week2_2", lambda t: t["plate"].isin(["Week1_1", "Week2_2"])),
        ("week=Week1 and well!=A00", lambda t: t["plate"].str.startswith("Week1_") & (t["well"] != "A00")),
        (None, lambda t: t["plate"].notna()),
    ],
)
def test_cells_are_chosen_by_where_they_lay(tiny_store: CellStore, expression: str | None, kept):
    assert select(tiny_store, expression).tolist() == np.flatnonzero(kept(tiny_store.cells)).tolist()


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("week!=Week9", r"tiny has no week 'Week9'; did you mean 'Week2'\?|tiny has no week 'Week9'"),
        ("compound!=taxol", "cells are chosen by week, plate, well, site, replicate, never by what they were treated with"),
        ("weak=Week1", r"never by what they were treated with; did you mean 'week'\?"),
        ("week", "write column=value or column!=value"),
        ("week=Week1 and week=Week2", "chooses none of the 192 cells of tiny"),
    ],
)
def test_a_wrong_choice_of_cells_is_one_sentence(tiny_store: CellStore, expression: str, sentence: str):
    with pytest.raises(CytoBenchError, match=sentence):
        select(tiny_store, expression)


def test_training_goes_on_with_more_cells(cli, tiny_store: CellStore, tmp_path: Path):
    first = run("lsgan", str(tiny_store.path), options=[*SMALL, "training.steps=5"], runs=tmp_path / "runs")
    more = store_like(tiny_store, tmp_path / "more", tiny_store.cells.assign(well="H12"), cells=96)
    words = ["--from", first.path, "--dataset", more.path, "--runs", tmp_path / "runs"]
    assert cli("train", *words).status == 0
    (path,) = [found.parent for found in (tmp_path / "runs" / "more" / "lsgan").glob("*/run.json")]
    record = Run.read(path).record
    assert record.origin.weights_sha256 == first.record.weights_sha256 and record.origin.trained_further
    assert record.cells_seen == 80 and record.recipe == first.record.recipe
    assert record.weights_sha256 != first.record.weights_sha256
    assert load_state(path / STATE)["updates"]["counts"] == {"discriminator": 5, "generator": 5}, "schedules begin anew"
    assert f"--from {first.path}" in record.command
    refused = cli("train", *words, "-o", "latent=7", "-o", "input.scaling=range")
    assert "input.scaling is 'luminance' there and 'range' here; options.latent is 100 there and 7 here" in refused.sentence
    assert "is a checkpoint of lsgan, not of vae" in cli("train", "--method", "vae", *words).sentence
    assert "give one of them" in cli("run", *words, "--checkpoint", first.path).sentence
    assert "no run's folder" in cli("train", "--from", "nowhere").sentence


def test_channels_in_another_order_are_refused(tiny_store: CellStore, tmp_path: Path):
    first = run("lsgan", str(tiny_store.path), options=[*SMALL, "training.steps=2"], runs=tmp_path)
    turned = store_like(tiny_store, tmp_path / "turned", tiny_store.cells, ("Actin", "Tubulin", "DNA"))
    with pytest.raises(
        CytoBenchError, match="was trained on the channels DNA, Tubulin, Actin, but these cells have Actin, Tubulin, DNA"
    ):
        run("lsgan", str(turned.path), checkpoint=str(first.path), runs=tmp_path)


def test_a_checkpoint_is_used_as_it_is(tiny_store: CellStore, tmp_path: Path):
    first = run("lsgan", str(tiny_store.path), options=[*SMALL, "training.steps=2"], runs=tmp_path / "first")
    used = run("lsgan", str(tiny_store.path), checkpoint=str(first.path), runs=tmp_path / "used")
    assert used.scores.panel == first.scores.panel
    assert used.record.weights_sha256 == first.record.weights_sha256 and not used.record.origin.trained_further
    assert used.record.cells_seen == first.record.cells_seen == 16
    (first.path / "weights.safetensors").write_bytes(b"changed")
    with pytest.raises(CytoBenchError, match="weights.safetensors: not as it was written"):
        run("lsgan", str(tiny_store.path), checkpoint=str(first.path), runs=tmp_path / "again")


# --- labels ---------------------------------------------------------------------------------------------------------


def test_a_condition_is_shown_as_supervision(cli, tiny_store: CellStore, tmp_path: Path):
    words = ["--method", "lsgan", "--dataset", tiny_store.path, "--runs", tmp_path, *changes("training.steps=3")]
    assert cli("run", *words, "-o", "condition=treatment").status == 0
    record = only_run(tmp_path).record
    assert record.card.supervision == "treatment" and len(record.conditions) == 1 + len(set(tiny_store.cells["compound"]))
    (twin,) = [Run.read(path.parent).record for path in tmp_path.glob("*/lsgan-untrained/*/run.json")]
    assert twin.card.supervision == "none", "it saw nothing"
    board = (tmp_path / "board.md").read_text()
    assert any("| lsgan " in line and "| treatment " in line for line in board.splitlines())
    refused = cli("run", "--method", "vae", "--dataset", tiny_store.path, "-o", "condition=concentration")
    assert "vae takes no condition" in refused.sentence


def test_a_conditional_method_embeds_without_the_labels_of_what_it_embeds(tiny_store: CellStore, tmp_path: Path):
    """The same weights on the same images give the same vectors, whatever the cells are said to have been treated with."""
    options = [*SMALL, "training.steps=3", "condition=treatment"]
    trained = run("lsgan", str(tiny_store.path), options=options, runs=tmp_path / "runs")
    labels = tiny_store.cells[["compound", "concentration"]].to_numpy()[np.random.default_rng(0).permutation(192)]
    table = tiny_store.cells.assign(compound=labels[:, 0], concentration=labels[:, 1].astype(float))
    table["well"] = [f"{row['well']}-{row['compound'][:4]}-{row['concentration']}" for _, row in table.iterrows()]
    other = store_like(tiny_store, tmp_path / "other", table)
    again = run("lsgan", str(other.path), checkpoint=str(trained.path), runs=tmp_path / "runs")
    assert np.array_equal(np.load(again.path / "embeddings.npy"), np.load(trained.path / "embeddings.npy"))


def test_conditions_say_concentration_and_compound(tiny_store: CellStore):
    told = Conditions(tiny_store, "treatment")
    rows = np.array([0, 100, 191])
    values, cells = told.of(rows), tiny_store.cells.iloc[rows]
    assert values.dtype == np.float32 and values.shape == (3, len(told.names))
    np.testing.assert_allclose(values[:, 0], (np.log10(cells["concentration"].astype(float) + 1e-3) + 3) / 5, atol=1e-6)
    assert [told.names[1 + place] for place in values[:, 1:].argmax(axis=1)] == [f"compound {name}" for name in cells["compound"]]
    assert (values[:, 1:].sum(axis=1) == 1).all()
    assert Conditions(tiny_store, "concentration").of(rows).shape == (3, 1)
    assert Conditions(tiny_store, None).of(rows) is None


@pytest.mark.parametrize("rule", ["last", "kid", "fid"])
def test_permuted_labels_choose_the_same_checkpoint(tiny_store: CellStore, tmp_path: Path, rule: str):
    """No label has a part in which step's weights are kept."""
    labels = screen_cells()[["compound", "concentration"]].sample(frac=1, random_state=1).reset_index(drop=True)
    table = tiny_store.cells.assign(compound=labels["compound"], concentration=labels["concentration"])
    table["well"] = [f"{well}-{number}" for number, well in enumerate(table["well"])]
    permuted = store_like(tiny_store, tmp_path / "permuted", table)
    options = [*SMALL, "training.steps=15", "optimizer.generator.lr=0.02", f"training.checkpoint.choose={rule}"]
    options += ["training.checkpoint.features=intensity", "training.checkpoint.cells=64"]
    first = run("lsgan", str(tiny_store.path), options=options, runs=tmp_path / "runs")
    second = run("lsgan", str(permuted.path), options=options, runs=tmp_path / "runs")
    assert first.record.dataset_identity != second.record.dataset_identity
    assert first.record.kept_step == second.record.kept_step
    assert first.record.weights_sha256 == second.record.weights_sha256
    lines = [json.loads(line) for line in (first.path / "log.jsonl").read_text().splitlines()]
    realism = {line["step"]: line["evaluation"].get("realism") for line in lines if "evaluation" in line}
    assert first.record.kept_step == (15 if rule == "last" else min(realism, key=realism.get))


def test_a_feature_space_that_was_trained_is_refused(tiny_store: CellStore, tmp_path: Path):
    options = [*SMALL, "training.checkpoint.choose=kid", "training.checkpoint.features=vae"]
    with pytest.raises(CytoBenchError, match="training.checkpoint.features: vae is no method that embeds cells without training"):
        run("lsgan", str(tiny_store.path), options=options, runs=tmp_path)


# --- what bad input gets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["input.crop_size=36"], "a crop of 36 px cannot be halved 3 times; set -o input.crop_size to a multiple of 8"),
        (["training.batch_size=500"], "tiny has 192 cells, fewer than a batch of 500"),
        (["training.train_on=well=A00", "training.batch_size=64"], "tiny has 12 cells with well=A00, fewer than a batch of 64"),
        (["latnt=3"], "unknown key 'latnt'; did you mean 'latent'?"),
        (["optimizer.encoder.lr=0.1"], "optimizer.encoder names no network of it; it has generator, discriminator"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_written(cli, tiny_store, tmp_path, options, sentence):
    words = [word for option in options for word in ("-o", option)]
    assert (
        sentence in cli("train", "--method", "lsgan", "--dataset", tiny_store.path, "--runs", tmp_path / "runs", *words).sentence
    )
    assert not (tmp_path / "runs").exists()


def test_a_store_of_one_cell_is_refused(cli, tiny_store: CellStore, tmp_path: Path):
    one = store_like(tiny_store, tmp_path / "one", tiny_store.cells, cells=1)
    said = cli("train", "--method", "lsgan", "--dataset", one.path, "--runs", tmp_path / "runs").sentence
    assert "one has a single cell; training needs at least two" in said


def test_a_training_that_diverged_leaves_its_last_good_state_its_curves_and_a_page(tiny_store: CellStore, tmp_path: Path):
    options = [*SMALL, "training.steps=40", "optimizer.generator.lr=1e30"]
    with pytest.raises(CytoBenchError, match=r"training diverged: the .+ at step \d+; lower optimizer"):
        run("lsgan", str(tiny_store.path), options=options, runs=tmp_path)
    failed = only_run(tmp_path)
    assert failed.record.status == "failed" and "training diverged" in failed.record.error
    assert "training diverged" in (failed.path / "report.html").read_text()


# --- what begins with a checkpoint --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun(tiny_store: CellStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A masked autoencoder, whose learning rate falls along a cosine, trained for a moment."""
    small = ["width=16", "depth=1", "heads=2", "decoder_width=16", "decoder_depth=1", "decoder_heads=2"]
    options = [*small, "training.steps=6", "training.batch_size=8", "training.evaluate_every=3"]
    return run("mae", str(tiny_store.path), options=options, seed=3, runs=tmp_path_factory.mktemp("begun"))


def learning_rates(path: Path) -> list[float]:
    return [group["lr"] for group in load_state(path / STATE)["updates"]["optimizers"]["network"]["param_groups"]]


def test_training_on_begins_the_schedule_anew_and_takes_this_recipes_optimizer(begun: Run, tiny_store: CellStore, tmp_path: Path):
    plain, changed = (
        run("mae", str(tiny_store.path), options=options, start=str(begun.path), runs=tmp_path)
        for options in ([], ["optimizer.network.betas=[0.0, 0.5]"])
    )
    assert learning_rates(plain.path) == learning_rates(begun.path), "in the warm-up of six steps, as before"
    assert plain.record.weights_sha256 != changed.record.weights_sha256
    assert "training.steps=6" in plain.record.overrides and plain.record.cells_seen == 96


def test_a_checkpoint_keeps_its_recipe_and_seed_and_its_twin_is_its_own(begun: Run, tiny_store: CellStore, tmp_path: Path):
    used = run("mae", str(tiny_store.path), checkpoint=str(begun.path), runs=tmp_path)
    assert (used.record.seed, used.record.recipe, used.record.overrides) == (3, begun.record.recipe, begun.record.overrides)
    assert used.record.twin == begun.record.twin
    for asked in ({"options": ["training.steps=9"]}, {"seed": 4}, {"recipe": "gpu"}):
        with pytest.raises(CytoBenchError, match="is used as it was made, seed 3; leave out -o, --recipe, --train-on, --seed"):
            run("mae", str(tiny_store.path), checkpoint=str(begun.path), runs=tmp_path, **asked)


def test_nothing_is_called_unseen_that_a_checkpoint_may_have_seen(begun: Run, tiny_store: CellStore, tmp_path: Path):
    options = ["training.train_on=week!=Week2"]
    further = run("mae", str(tiny_store.path), options=options, start=str(begun.path), runs=tmp_path)
    assert further.record.unseen is None
    used = run("mae", str(tiny_store.path), checkpoint=str(further.path), runs=tmp_path)
    assert used.record.unseen is None
    other = store_like(tiny_store, tmp_path / "other", tiny_store.cells.replace({"plate": {"Week1_1": "Week7_1"}}), cells=60)
    elsewhere = run("mae", str(other.path), checkpoint=str(further.path), runs=tmp_path)
    assert elsewhere.record.status == "finished" and elsewhere.record.twin is not None


def test_load_method_checks_what_it_is_shown(begun: Run, tiny_store: CellStore, tmp_path: Path):
    turned = store_like(tiny_store, tmp_path / "turned", tiny_store.cells, ("Actin", "Tubulin", "DNA"))
    with pytest.raises(CytoBenchError, match="but these cells have Actin, Tubulin, DNA; take cells with those, in that order"):
        load_method("mae", turned, weights=begun.path)
    with pytest.raises(CytoBenchError, match="has its own recipe; leave out recipe and options"):
        load_method("mae", tiny_store, weights=begun.path, options=["patch=4"])


def test_the_last_good_weights_of_a_training_that_failed_can_be_trained_on(tiny_store: CellStore, tmp_path: Path):
    """The third evaluation fails, so the state of the second is what is left."""
    options = [*SMALL, "training.steps=40"]
    file = tmp_path / "plugin.py"
    card = {"name": "fails", "title": "Fails", "kind": "gan", "citation": "none", "supervision": "none", "licence": "none"}
    code = (
        "from cytobench_methods.lsgan.method import LSGAN\n"
        f"class Fails(LSGAN):\n    card = {card | {'trained': True}}\n    steps = 0\n"
        "    def training_step(self, batch, update):\n        self.steps += 1\n"
        "        assert self.steps < 12 or len(batch) == 4, 'on purpose'\n        super().training_step(batch, update)\n"
    )
    file.write_text(code)
    recipe = (Path(__file__).parents[1] / "methods" / "lsgan" / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").write_text(recipe)
    with pytest.raises(CytoBenchError, match="on purpose"):
        run("fails", str(tiny_store.path), options=options, plugin=file, runs=tmp_path / "runs")
    failed = only_run(tmp_path / "runs", "fails")
    assert failed.record.status == "failed" and load_state(failed.path / STATE)["step"] == 10
    further = [*options, "training.batch_size=4"]
    gone_on = run("fails", str(tiny_store.path), options=further, start=str(failed.path), plugin=file, runs=tmp_path / "runs")
    assert gone_on.record.cells_seen == 80 + 160
    with pytest.raises(CytoBenchError, match=r"holds no trained weights \(fails, failed\)"):
        run("fails", str(tiny_store.path), checkpoint=str(failed.path), plugin=file, runs=tmp_path / "runs")


@pytest.mark.parametrize(
    ("method", "option", "sentence"),
    [
        ("lsgan", "training.precision=16-mixed", "training.precision 16-mixed needs a CUDA device"),
        ("ae", "training.checkpoint.choose=fid", "compares generated cells, and AE generates none; set it to last"),
        ("lsgan", "optimizer={discriminator: {lr: 0.1}}", "the recipe of lsgan has no optimizer.generator"),
    ],
)
def test_a_recipe_that_cannot_do_what_it_says_is_refused(cli, tiny_store, tmp_path, method, option, sentence):
    called = cli("train", "--method", method, "--dataset", tiny_store.path, "--runs", tmp_path / "runs", "-o", option)
    assert sentence in called.sentence and not (tmp_path / "runs").exists()


def test_what_is_not_trained_is_run_and_not_trained(cli, tiny_store: CellStore, tmp_path: Path):
    said = cli("train", "--method", "random", "--dataset", tiny_store.path, "--runs", tmp_path / "runs").sentence
    assert "random is not trained; use 'cytobench run --method random'" in said and not (tmp_path / "runs").exists()
