"""One loop for every method: what it gives depends on no batch, no stop, no lack of memory and no number of processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cytobench
from cytobench.datasets.store import CellStore
from cytobench.embedding import forward
from cytobench.embedding.embed import embed
from cytobench.embedding.forward import Embedder
from cytobench.embedding.parts import Parts
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, Method, NetworkMethod
from cytobench.results.runs import Run
from cytobench.runner import run
from cytobench.training.recipe import Recipe

CHANNELS = ("DNA", "Tubulin", "Actin")


class Means(Method):
    """Means of channels, counting the cells that it was shown."""

    shown = 0
    stop_after: int | None = None
    fits: int | None = None
    largest = 0

    def embed(self, cells: CellBatch) -> Tensor:
        if self.fits is not None and len(cells) > self.fits:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to ...")
        if self.stop_after is not None and self.shown + len(cells) > self.stop_after:
            raise KeyboardInterrupt
        self.shown += len(cells)
        self.largest = max(self.largest, len(cells))
        return cells.images.mean(dim=(2, 3))


class Convolution(NetworkMethod):
    """One convolution, pooled."""

    def setup(self) -> None:
        self.layer = nn.Conv2d(3, 8, 3)

    def embed(self, cells: CellBatch) -> Tensor:
        self.dtype = (maps := self.layer(cells.images)).dtype
        self.layout = maps.is_contiguous(memory_format=torch.channels_last)
        return maps.mean(dim=(2, 3))


def make(kind: type[Method], **recipe: object) -> Method:
    return kind(Recipe.model_validate({"input": {"scaling": "range"}, **recipe}), CHANNELS, 64, 0)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(forward, "CELLS_A_WORKER", 32)
    return 32


def expected(store: CellStore) -> np.ndarray:
    """Mean pixels by NumPy, in the order of the store."""
    return (store.images(np.arange(len(store))) / 65535).mean(axis=(2, 3))


def test_every_cell_gets_its_own_vector(tiny_store: CellStore, small_pieces: int, tmp_path: Path):
    for path in (None, tmp_path / "e.npy"):
        found = embed(make(Means), tiny_store, path=path)
        np.testing.assert_allclose(found.values, expected(tiny_store), rtol=1e-5)
    assert [file.name for file in tmp_path.iterdir()] == ["e.npy"]


# --- going on -------------------------------------------------------------------------------------------------------


def test_what_was_embedded_before_a_stop_is_not_embedded_again(tiny_store: CellStore, small_pieces: int, tmp_path: Path):
    method, path = make(Means), tmp_path / "e.npy"
    method.stop_after = 2 + 3 * 32
    with pytest.raises(KeyboardInterrupt):
        embed(method, tiny_store, path=path, resume="key")
    assert not path.exists()
    again = make(Means)
    values = embed(again, tiny_store, path=path, resume="key").values
    np.testing.assert_allclose(values, expected(tiny_store), rtol=1e-5)
    checked_again = 2 + 61
    assert again.shown == len(tiny_store) - 3 * 32 + checked_again
    assert [file.name for file in tmp_path.iterdir()] == ["e.npy"]


def test_without_resume_an_earlier_method_leaves_nothing(tiny_store: CellStore, small_pieces: int, tmp_path: Path):
    method, path = make(Means), tmp_path / "e.npy"
    method.stop_after = 2 + 3 * 32
    with pytest.raises(KeyboardInterrupt):
        embed(method, tiny_store, path=path)
    again = make(Means)
    embed(again, tiny_store, path=path)
    assert again.shown == 2 + len(tiny_store) + 61


def test_a_torn_record_is_embedded_again(tmp_path: Path):
    parts, vectors = Parts(tmp_path / "e.npy", 5, 2, "key"), np.arange(10, dtype=np.float32).reshape(5, 2)
    with parts.appending(0) as append:
        append(np.array([3, 1]), vectors[[3, 1]])
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    assert parts.done().tolist() == [False, False, False, True, False]
    with parts.appending(0) as append:
        append(np.array([0, 1]), vectors[[0, 1]])
    with parts.appending(7) as append:  # another process, in a call that had more of them
        append(np.array([4, 2]), vectors[[4, 2]])
    assert parts.done().all()
    assert not Parts(tmp_path / "e.npy", 5, 2, "another key").done().any()
    assert not Parts(tmp_path / "e.npy", 4, 2, "key").done().any() and not Parts(tmp_path / "e.npy", 5, 3, "key").done().any()
    assert np.array_equal(parts.join(), vectors)
    assert [file.name for file in tmp_path.iterdir()] == ["e.npy"]


def test_cells_without_a_vector_are_said_and_nothing_is_lost(tmp_path: Path):
    parts = Parts(tmp_path / "e.npy", 5, 2, "key")
    with parts.appending(0) as append:
        append(np.array([3, 1]), np.ones((2, 2), np.float32))
    with pytest.raises(CytoBenchError, match="3 of 5 cells are not embedded; every process must see this folder"):
        parts.join()
    assert parts.done().sum() == 2 and not parts.path.exists()


def test_what_another_method_left_is_removed_and_not_mixed(tiny_store: CellStore, small_pieces: int, tmp_path: Path):
    method, path = make(Means), tmp_path / "e.npy"
    method.stop_after = 2 + 3 * 32
    with pytest.raises(KeyboardInterrupt):
        embed(method, tiny_store, path=path, resume="one key")
    again = make(Means)
    embed(again, tiny_store, path=path, resume="another key")
    assert again.shown == 2 + len(tiny_store) + 61
    assert [file.name for file in tmp_path.iterdir()] == ["e.npy"]


SLOW_PLUGIN = """
import time
import cytobench

class Slow(cytobench.Method):
    card = dict(name="slow", title="Slow", kind="other", citation="none", supervision="none", licence="BSD-3-Clause")

    def embed(self, cells):
        time.sleep({seconds})
        return cells.images.mean(dim=(2, 3))
"""


def test_a_killed_run_goes_on(tiny_store: CellStore, small_pieces: int, tmp_path: Path):
    plugin = tmp_path / "slow.py"
    plugin.write_text(SLOW_PLUGIN.format(seconds=0.3))
    code = (
        "from pathlib import Path\nimport cytobench\nfrom cytobench.embedding import forward\n"
        "forward.CELLS_A_WORKER = 32\n"
        f"cytobench.run('slow', '{tiny_store.path}', plugin=Path('{plugin}'), runs=Path('{tmp_path}'))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    while not any(file.stat().st_size for file in tmp_path.glob("*/*/*/embeddings-*-part-*.bin")):
        assert process.poll() is None
    process.kill()
    process.wait()
    (part,) = tmp_path.glob("*/*/*/embeddings-*-part-*.bin")
    before = part.stat().st_size // (8 + 3 * 4)
    assert 0 < before < len(tiny_store)
    finished = run("slow", str(tiny_store.path), plugin=plugin, runs=tmp_path)
    np.testing.assert_allclose(
        np.load(finished.path / "embeddings.npy"), embed(make(Means, input={}), tiny_store).values, rtol=1e-5
    )
    assert not list(finished.path.glob("*.bin"))


# --- memory and arithmetic ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fits", "largest"), [(50, 48), (1000, 96)])
def test_the_largest_batch_that_fits_is_found(tiny_store: CellStore, monkeypatch: pytest.MonkeyPatch, fits: int, largest: int):
    """Doubled from 12 as on an accelerator, at most to 96, halved where it does not fit."""
    monkeypatch.setattr(forward, "CELLS_A_WORKER", 12)
    monkeypatch.setattr(forward, "GROWING", ("cpu",))
    monkeypatch.setattr(forward, "MOST_BYTES", 96 * 3 * 64 * 64 * 4)
    method = make(Means)
    method.fits = fits
    values = embed(method, tiny_store).values
    np.testing.assert_allclose(values, expected(tiny_store), rtol=1e-5)
    assert method.largest == largest


def test_a_batch_that_does_not_fit_is_halved(tiny_store: CellStore, small_pieces: int):
    method = make(Means)
    method.fits = 9
    values = embed(method, tiny_store).values
    np.testing.assert_allclose(values, expected(tiny_store), rtol=1e-5)
    assert method.largest == 8, "32 cells at once, then 16, then 8"


def test_a_cell_that_does_not_fit_alone_is_said(tiny_store: CellStore):
    method = make(Means)
    method.fits = 0
    with pytest.raises(CytoBenchError, match="Means.embed failed with RuntimeError: .*can't allocate memory"):
        embed(method, tiny_store)


def test_another_error_is_not_taken_for_a_lack_of_memory(tiny_store: CellStore):
    class Broken(Means):
        def embed(self, cells: CellBatch) -> Tensor:
            raise RuntimeError("shapes do not fit")

    with pytest.raises(CytoBenchError, match="Broken.embed failed with RuntimeError: shapes do not fit"):
        embed(make(Broken), tiny_store)


@pytest.mark.parametrize(("precision", "dtype"), [("32-true", torch.float32), ("bf16-mixed", torch.bfloat16)])
def test_the_recipe_says_the_arithmetic(tiny_store: CellStore, precision: str, dtype: torch.dtype):
    exact = embed(make(Convolution), tiny_store).values
    method = make(Convolution, embedding={"precision": precision})
    values = embed(method, tiny_store).values
    assert method.dtype == dtype and method.layout
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, exact, atol=0.01 if precision == "bf16-mixed" else 1e-6)


def test_the_arithmetic_of_embedding_changes_no_training(tiny_store: CellStore, tmp_path: Path):
    quick = ("training.steps=2", "training.batch_size=4")
    first = run("ae", str(tiny_store.path), options=quick, runs=tmp_path)
    second = run("ae", str(tiny_store.path), options=(*quick, "embedding.precision=bf16-mixed"), runs=tmp_path)
    assert first.record.keys.train == second.record.keys.train
    assert first.record.keys.embed != second.record.keys.embed
    assert first.record.stages["train"] == second.record.stages["train"]


def test_features_that_change_from_batch_to_batch_are_refused(tiny_store: CellStore, small_pieces: int):
    class Growing(Means):
        def embed(self, cells: CellBatch) -> Tensor:
            self.shown += 1
            return torch.zeros(len(cells), self.shown)

    with pytest.raises(CytoBenchError, match="Growing returned 2 features, and 1 before"):
        embed(make(Growing), tiny_store)


def test_masks_are_cut_where_the_store_has_none(tiny_store: CellStore, tmp_path: Path):
    seen = []

    class Area(Means):
        def embed(self, cells: CellBatch) -> Tensor:
            assert cells.masks is not None
            seen.append(cells.masks.shape[1:])
            return (cells.masks == 2).float().mean(dim=(1, 2))[:, None]

    rows = np.arange(12)
    with cytobench.CellStoreWriter(
        tmp_path / "bare", name="bare", channels=CHANNELS, simulated=True, all_cells_counted=False, provenance={}
    ) as writer:
        writer.append(tiny_store.images(rows), tiny_store.cells.iloc[rows].reset_index(drop=True))
    bare = CellStore(tmp_path / "bare")
    assert not bare.has_masks
    recipe = {"masks": True, "crop_size": 48}
    areas = Embedder(make(Area, input=recipe), bare).rows(rows)
    assert set(seen) == {(48, 48)}
    assert ((areas > 0.01) & (areas < 0.9)).all()


# --- several processes ----------------------------------------------------------------------------------------------


def test_two_processes_embed_what_one_does(tiny_store: CellStore, tmp_path: Path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "cytobench"]
    words = ["run", "--method", "random-network", "--dataset", str(tiny_store.path), "--runs", str(tmp_path / "two"), "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run([*launch, *words], capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    (two,) = [Run.read(path.parent) for path in (tmp_path / "two").glob("*/*/*/run.json")]
    one = run("random-network", str(tiny_store.path), runs=tmp_path / "one")
    np.testing.assert_allclose(np.load(two.path / "embeddings.npy"), np.load(one.path / "embeddings.npy"), rtol=1e-4, atol=1e-6)
    assert two.record.keys == one.record.keys and two.record.status == "finished"
    again = subprocess.run([*launch, *words], capture_output=True, text=True, env=environment, check=False)
    assert again.returncode == 0, again.stderr


def test_embed_stops_before_scores(cli, tiny_store: CellStore, tmp_path: Path):
    words = ["--method", "intensity", "--dataset", str(tiny_store.path), "--runs", str(tmp_path), "--json"]
    summary = json.loads(cli("embed", *words).out)
    folder = Path(summary["run"])
    assert summary["files"] == ["embeddings.npy", "profiles.parquet", "figures/cells.png"]
    assert sorted(Run.read(folder).record.stages) == ["embed"] and not (folder / "scores.json").exists()
    assert json.loads(cli("run", *words).out)["run"] == str(folder)
    assert Run.read(folder).record.status == "finished"
