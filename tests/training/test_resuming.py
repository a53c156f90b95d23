"""A training that was killed goes on as if it had not been; several processes train as one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import one_training
import psutil
import pytest
import torch
from safetensors.torch import load_file

from cytobench.errors import CytoBenchError
from cytobench.training.checkpoint import PREVIOUS_STATE, STATE, WEIGHTS, load_state
from cytobench.training.trainer import Trainer

SCRIPT = str(Path(__file__).with_name("one_training.py"))


def losses(folder: Path) -> dict[int, dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if "loss" in line}


def assert_same_training(first: Path, second: Path) -> None:
    assert losses(first) == losses(second)
    states = [load_state(folder / STATE) for folder in (first, second)]
    assert states[0].keys() == states[1].keys()
    flat = [torch.utils._pytree.tree_flatten_with_path(state)[0] for state in states]
    assert len(flat[0]) == len(flat[1]) > 20
    for (path, one), (_, other) in zip(*flat, strict=True):
        same = torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
        assert same, torch.utils._pytree.keystr(path)
    weights = [load_file(folder / WEIGHTS) for folder in (first, second)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_killed_in_the_middle_and_gone_on_is_the_same_to_the_bit(tmp_path: Path):
    """40 steps straight equal 20 steps, kill -9, and the rest."""
    one_training.train(tmp_path / "straight", 40, 8)
    killed = tmp_path / "killed"
    with subprocess.Popen([sys.executable, SCRIPT, str(killed), "40", "8", "0.2"], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (killed / STATE).is_file() or load_state(killed / STATE)["step"] < 20:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert load_state(killed / STATE)["step"] == 20
    one_training.train(killed, 40, 8)
    assert_same_training(tmp_path / "straight", killed)


def test_a_damaged_state_gives_way_to_the_one_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    one_training.train(tmp_path / "straight", 40, 8)
    folder = tmp_path / "damaged"
    stop_after(folder, 25)
    contents = bytearray((folder / STATE).read_bytes())
    contents[len(contents) // 2] ^= 255
    (folder / STATE).write_bytes(contents)
    assert load_state(folder / PREVIOUS_STATE)["step"] == 10
    one_training.train(folder, 40, 8)
    assert "not a whole training state" in capsys.readouterr().err
    assert_same_training(tmp_path / "straight", folder)


def stop_after(folder: Path, steps: int) -> None:
    """Interrupt a training of 40 steps in its ``steps``-th."""

    class Stopped(one_training.Pair):
        count = 0

        def training_step(self, batch, update):
            self.count += 1
            if self.count == steps:
                raise KeyboardInterrupt
            super().training_step(batch, update)

    method = Stopped(one_training.recipe(40, 8), ("DNA",), 2, seed=3)
    facts = {"recipe": method.recipe.model_dump(mode="json")}
    with pytest.raises(KeyboardInterrupt):
        Trainer(method, seed=3, folder=folder, facts=facts).fit(lambda step: one_training.cells(step, 8, 0), progress=False)


def test_a_state_of_another_recipe_is_refused_naming_the_keys(tmp_path: Path):
    stop_after(tmp_path, 25)
    method = one_training.Pair(one_training.recipe(40, 16), ("DNA",), 2, seed=3)
    facts = {"recipe": method.recipe.model_dump(mode="json"), "seed": 4}
    trainer = Trainer(method, seed=3, folder=tmp_path, facts=facts)
    with pytest.raises(
        CytoBenchError, match=r"recipe.training.batch_size is 8 there and 16 here; seed is 'not set' there and 4 here"
    ):
        trainer.fit(lambda step: one_training.cells(step, 16, 0), progress=False)


def test_no_room_in_mid_save_is_a_sentence_and_keeps_the_state_before(tmp_path: Path):
    """A limit on the size of files stands for a full disk."""
    stop_after(tmp_path, 25)
    before = (tmp_path / STATE).read_bytes()
    most = len(before) // 2
    code = (
        "import pathlib, resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))\n"
        f"sys.path.insert(0, {str(Path(SCRIPT).parent)!r})\n"
        f"import one_training\none_training.train(pathlib.Path({str(tmp_path)!r}), 40, 8)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "training_state.pt could not be written" in ended.stderr and "make room and run it again" in ended.stderr
    assert (tmp_path / STATE).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (b"", "not a whole training state"),
        (b"\x80\x04cposix\nsystem\n", "not a whole training state"),
    ],
)
def test_a_state_that_is_none_is_refused(tmp_path: Path, contents: bytes, sentence: str):
    (tmp_path / STATE).write_bytes(contents)
    with pytest.raises(CytoBenchError, match=sentence):
        load_state(tmp_path / STATE)


def test_a_state_with_code_in_it_runs_nothing(tmp_path: Path):
    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"step": 1, "facts": "{}", "method": Hostile()}, tmp_path / STATE)
    with pytest.raises(CytoBenchError, match="holds code and not only numbers"):
        load_state(tmp_path / STATE)
    assert not (tmp_path / "ran").exists()


def test_a_truncated_state_is_refused(tmp_path: Path):
    stop_after(tmp_path, 25)
    (tmp_path / STATE).write_bytes((tmp_path / STATE).read_bytes()[:-100])
    with pytest.raises(CytoBenchError, match="training_state.pt: not a whole training state"):
        load_state(tmp_path / STATE)


def test_two_processes_train_as_one(tmp_path: Path):
    """Two gloo processes with half of each batch give the losses and the weights of one with the whole, to rounding."""
    one_training.train(tmp_path / "one", 30, 8)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launch, SCRIPT, str(tmp_path / "two"), "30", "8"]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert list(one) == list(two) == [10, 20, 30]
    for step, expected in one.items():
        assert two[step] == pytest.approx(expected, rel=1e-5)
    weights = [load_file(tmp_path / name / WEIGHTS) for name in ("one", "two")]
    for name, expected in weights[0].items():
        torch.testing.assert_close(weights[1][name], expected, rtol=1e-4, atol=1e-6)


def test_ctrl_c_saves_the_step_that_it_ends(tmp_path: Path):
    one_training.train(tmp_path / "straight", 40, 8)
    folder = tmp_path / "interrupted"
    command = [sys.executable, SCRIPT, str(folder), "40", "8", "0.2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (folder / STATE).is_file():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    step = load_state(folder / STATE)["step"]
    assert 10 < step < 20 and f"stopped after step {step}; the same command goes on from there" in said
    one_training.train(folder, 40, 8)
    assert_same_training(tmp_path / "straight", folder)


def test_memory_is_flat_over_steps(tmp_path: Path):
    """Ten times the steps leave no more behind."""
    process = psutil.Process()
    one_training.train(tmp_path / "first", 200, 8)
    before = process.memory_info().rss
    one_training.train(tmp_path / "second", 2_000, 8)
    assert process.memory_info().rss - before < 8 * 2**20
