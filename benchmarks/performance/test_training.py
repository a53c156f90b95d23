"""What the trainer costs over a loop written by hand, and whether reading cells can keep up with it.

    python -m pytest benchmarks/performance/test_training.py --benchmark-enable --benchmark-json=training.json

The ratio is that of interleaved pairs (trainer, hand-written loop, trainer ...) over the same cells; it stands in ``extra_info``.
"""

import itertools
import json
import sys
import time
from collections.abc import Iterator
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

WARM, STEPS, PAIRS = 5, 35, 16
"""Steps that are not timed, steps that are, and pairs."""

CHANNELS = ("DAPI", "Tubulin", "Actin")
CELLS = torch.rand(8, 64, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def lsgan(steps: int, *changes: str) -> TrainableMethod:
    entry = registry.method("lsgan")
    overrides = [f"training.steps={steps}", "training.evaluate_every=1000", "training.ema=null", *changes]
    recipe = choose_recipe(read_recipes(entry.recipe_file), "small", overrides, "lsgan")[1]
    method = entry.load_class()(recipe, CHANNELS, 64, 0)
    return method.to(memory_format=torch.channels_last)


def train_by_trainer(folder: Path, steps: int, *changes: str) -> tuple[float, list[dict[str, float]]]:
    """Seconds of the steps after the warm ones, and the losses that were logged."""
    method, began = lsgan(steps, *changes), []
    step_of_the_method = method.training_step

    def timed(batch, update) -> None:
        began.append(time.perf_counter())
        step_of_the_method(batch, update)

    method.training_step = timed
    batches = (CellBatch(cells, None, CHANNELS) for cells in itertools.cycle(CELLS))
    (folder / "training_state.pt").unlink(missing_ok=True)
    Trainer(method, seed=1, folder=folder).fit(lambda step: batches, progress=False)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return began[-1] - began[min(WARM, steps - 1)], [line["loss"] for line in lines]


def train_by_hand(steps: int) -> tuple[float, list[dict[str, float]]]:
    began = []

    def batches() -> Iterator[torch.Tensor]:
        for cells in itertools.cycle(CELLS):
            began.append(time.perf_counter())
            yield cells

    losses = bare_lsgan.train(lsgan(steps), batches(), steps, seed=1)
    return began[-1] - began[min(WARM, steps - 1)], [losses[step - 1] for step in range(10, steps + 1, 10)]


def ratio_of_pairs(folder: Path, pairs: int, steps: int, *changes: str) -> dict[str, float]:
    """The trainer's time over the hand-written loop's: the median of pairs, with its 95% interval (bootstrap)."""
    ratios = []
    for pair in range(pairs):
        if pair % 2:
            by_trainer, by_hand = train_by_trainer(folder, steps, *changes)[0], train_by_hand(steps)[0]
        else:
            by_hand, by_trainer = train_by_hand(steps)[0], train_by_trainer(folder, steps, *changes)[0]
        ratios.append(by_trainer / by_hand)
    resampled = np.random.default_rng(0).choice(ratios, (2_000, pairs))
    low, high = np.quantile(np.median(resampled, axis=1), [0.025, 0.975])
    return {"ratio": float(np.median(ratios)), "low": float(low), "high": float(high), "pairs": pairs, "steps": steps}


def test_trainer_and_hand_written_loop_reach_the_same_losses(tmp_path):
    by_trainer, by_hand = train_by_trainer(tmp_path, 30)[1], train_by_hand(30)[1]
    assert len(by_trainer) == len(by_hand) == 3
    for logged, expected in zip(by_trainer, by_hand, strict=True):
        assert logged == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("changes", [(), ("training.ema=0.99",)], ids=["plain", "averaged"])
def test_trainer_over_hand_written_loop(benchmark, tmp_path, changes):
    pairs, steps = (PAIRS, WARM + STEPS) if benchmark.enabled else (1, 12)
    found = ratio_of_pairs(tmp_path, pairs, steps, *changes)
    benchmark.extra_info |= found
    benchmark.pedantic(train_by_trainer, args=(tmp_path, 12, *changes), rounds=1)
    assert 0 < found["low"] <= found["ratio"] <= found["high"]


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
    seconds, _ = train_by_trainer(tmp_path, WARM + 11)
    benchmark.extra_info["ratio"] = fed / (64 * 10 / seconds)
    assert fed > 0
