"""What the trainer costs over a loop written by hand, and whether reading cells can keep up with it.

    python -m pytest benchmarks/performance/test_training.py --benchmark-enable --benchmark-json=training.json

Trainer and hand-written loop take turns, step by step, on the same cells; the ratio of their times stands in ``extra_info``.
"""

import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cytobench import registry
from cytobench.datasets.batches import BatchReader
from cytobench.datasets.samplers import make_sampler
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter
from cytobench.method import CellBatch, TrainableMethod
from cytobench.training.feed import read_ahead
from cytobench.training.recipe import choose_recipe, read_recipes
from cytobench.training.trainer import Trainer

sys.path.insert(0, str(Path(__file__).parent))
import bare_lsgan  # noqa: E402

WARM, STEPS = 10, 400
"""Steps that are not timed, and steps that are."""

CHANNELS = ("DAPI", "Tubulin", "Actin")
CELLS = torch.rand(8, 64, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def lsgan(steps: int, *changes: str) -> TrainableMethod:
    entry = registry.method("lsgan")
    overrides = [f"training.steps={steps}", "training.evaluate_every=1000", "training.ema=null", *changes]
    recipe = choose_recipe(read_recipes(entry.recipe_file), "small", overrides, "lsgan")[1]
    method = entry.load_class()(recipe, CHANNELS, 64, 0)
    return method.to(memory_format=torch.channels_last)


def train_by_trainer(folder: Path, method: TrainableMethod) -> list[dict[str, float]]:
    """The losses that are logged."""
    batches = (CellBatch(cells, None, CHANNELS) for cells in itertools.cycle(CELLS))
    (folder / "training_state.pt").unlink(missing_ok=True)
    Trainer(method, seed=1, folder=folder).fit(lambda step: batches, progress=False)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines]


def step_times(folder: Path, steps: int, *changes: str) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of each step of the trainer and of the hand-written loop, which take turns: (steps,) each."""
    method, by_hand = lsgan(WARM + steps + 1, *changes), bare_lsgan.train(lsgan(1), itertools.cycle(CELLS))
    step_of_the_method, began, ended = method.training_step, [], []

    def after_one_by_hand(batch, update) -> None:
        began.append(time.perf_counter())
        next(by_hand)
        ended.append(time.perf_counter())
        step_of_the_method(batch, update)

    method.training_step = after_one_by_hand
    train_by_trainer(folder, method)
    begins, ends = np.array(began[WARM:]), np.array(ended[WARM:])
    return begins[1:] - ends[:-1], (ends - begins)[:-1]


def ratio_of_steps(folder: Path, steps: int, *changes: str) -> dict[str, float]:
    """The trainer's time over the hand-written loop's: of sums over blocks of ten steps, the median and its 95% interval."""
    by_trainer, by_hand = (times.reshape(-1, 10).sum(axis=1) for times in step_times(folder, steps, *changes))
    ratios = by_trainer / by_hand
    resampled = np.median(np.random.default_rng(0).choice(ratios, (2_000, len(ratios))), axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return {"ratio": float(np.median(ratios)), "low": float(low), "high": float(high), "steps": steps}


def test_trainer_and_hand_written_loop_reach_the_same_losses(tmp_path):
    logged = train_by_trainer(tmp_path, lsgan(30))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        losses = list(itertools.islice(bare_lsgan.train(lsgan(30), itertools.cycle(CELLS)), 30))
    assert len(logged) == 3
    for found, expected in zip(logged, losses[9::10], strict=True):
        assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("changes", [(), ("training.ema=0.99",)], ids=["plain", "averaged"])
def test_trainer_over_hand_written_loop(benchmark, tmp_path, changes):
    benchmark.extra_info |= ratio_of_steps(tmp_path, STEPS if benchmark.enabled else 10, *changes)
    benchmark.pedantic(train_by_trainer, args=(tmp_path, lsgan(12, *changes)), rounds=1)
    assert benchmark.extra_info["ratio"] > 0.5


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> BatchReader:
    """Reads 4,000 cells of 96 px as lsgan sees them."""
    path = tmp_path_factory.mktemp("stores") / "store"
    pixels = np.random.default_rng(0).integers(0, 65535, (4_000, 3, 96, 96), np.uint16)
    table = pd.DataFrame({"plate": "Week1_1", "well": "B02", "compound": "DMSO", "concentration": 0.0}, index=range(len(pixels)))
    with CellStoreWriter(path, name="s", channels=CHANNELS, simulated=True, all_cells_counted=True, provenance={}) as writer:
        writer.append(pixels, table)
    return BatchReader(CellStore(path), lsgan(1).recipe.input)


def test_reading_keeps_up_with_ten_times_this_processor(benchmark, reader, tmp_path):
    """``extra_info``: cells a second that the feed gives over those that lsgan's training takes."""
    batches = 100 if benchmark.enabled else 5
    sampler = make_sampler(reader._store, "shuffled", batch_size=64, seed=0)

    def feed() -> float:
        stream = read_ahead((reader.read(rows) for rows in sampler), torch.device("cpu"))
        next(stream)
        began = time.perf_counter()
        cells = sum(len(batch) for batch in itertools.islice(stream, batches))
        stream.close()
        return cells / (time.perf_counter() - began)

    fed = benchmark.pedantic(feed, rounds=1)
    seconds = step_times(tmp_path, 10)[0].mean()
    benchmark.extra_info["ratio"] = fed / (64 / seconds)
    assert fed > 0
