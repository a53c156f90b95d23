"""What embedding a store costs over the bare forward pass of the same backbone on data already in memory.

    python -m pytest benchmarks/performance/test_embedding.py --benchmark-enable --benchmark-json=embedding.json

Both take turns; the ratio of their rates stands in ``extra_info``. Embedding reads memory-mapped cells, scales and resizes them,
checks and writes the vectors, and embeds 61 cells again; the forward pass is given what the backbone sees, ready made, in tensors
of the same sizes, several of them in turn, so that caches favour neither.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cytobench import registry
from cytobench.datasets.batches import BatchReader
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter
from cytobench.embedding.embed import embed
from cytobench.embedding.forward import CELLS_OF_NETWORKS
from cytobench.method import CellBatch, Method
from cytobench.training.allocation import keeping_freed_memory
from cytobench.training.recipe import choose_recipe, read_recipes

ROUNDS = 5

PIECES = 4
"""Pieces of cells whose views are kept ready."""

BOUNDS = 0.5, 1.05
"""Of the ratio: embedding may cost twice the forward pass, and cannot cost less but by the clock's noise."""

BACKBONES = {
    "mobilenetv1-025, channel by channel, 136 px": ("mobilenetv1-025", (), 6000),
    "resnet18, three channels as RGB, 128 px": ("default", ("backbone=resnet18", "channels=rgb", "size=128"), 4000),
}
"""Recipe of random-network, changes to it, and cells."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> dict[int, CellStore]:
    """By their number, cells of 68 px, as the real crops have."""
    return {cells: noise(cells, tmp_path_factory.mktemp("stores") / "noise") for *_, cells in BACKBONES.values()}


def noise(count: int, path: Path) -> CellStore:
    images = np.random.default_rng(0).integers(0, 65535, (count, 3, 68, 68), np.uint16)
    wells = [f"{row}{column:02d}" for row in "BCDEFG" for column in range(2, 12)]
    table = pd.DataFrame({"plate": "Week1_1", "well": np.resize(wells, count), "compound": "DMSO", "concentration": 0.0})
    facts = {"simulated": True, "all_cells_counted": False, "provenance": {}}
    with CellStoreWriter(path, name="noise", channels=("DAPI", "Actin", "Tubulin"), **facts) as writer:
        writer.append(images, table)
    return CellStore(path)


def make(variant: str, changes: tuple[str, ...], store: CellStore) -> Method:
    entry = registry.method("random-network")
    recipe = choose_recipe(read_recipes(entry.recipe_file), variant, changes, "random-network")[1]
    return entry.load_class()(recipe, store.channels, 68, 0).eval()


def prepared(method: Method, store: CellStore, rows: np.ndarray) -> list[torch.Tensor]:
    """What the backbone is given for these cells, in memory: a tensor for each pass through it."""
    images = BatchReader(store, method.recipe.input).read(rows).images
    views = images.split(1, dim=1) if method.options.channels == "each" else [images]
    with torch.inference_mode():
        return [method.prepared(view) for view in views]


def bare_pass(method: Method, views: list[torch.Tensor]) -> np.ndarray:
    with torch.inference_mode():
        return np.concatenate([method.network(view).numpy() for view in views], axis=1)


@pytest.mark.parametrize("name", BACKBONES)
def test_embedding_over_the_bare_forward_pass(benchmark, stores: dict[int, CellStore], tmp_path: Path, name: str):
    variant, changes, count = BACKBONES[name]
    store, part = stores[count], CELLS_OF_NETWORKS
    method = make(variant, changes, store)
    method.to(memory_format=torch.channels_last)
    pieces = np.arange(PIECES * part).reshape(PIECES, part)
    batches = [BatchReader(store, method.recipe.input).read(rows) for rows in pieces]
    inputs = [prepared(method, store, rows) for rows in pieces]
    times: dict[str, list[float]] = {"whole": [], "bare": [], "with resizing": []}

    def once() -> None:
        start = time.perf_counter()
        embeddings = embed(method, store, path=tmp_path / "embeddings.npy")
        times["whole"].append(time.perf_counter() - start)
        for kind, forward in (
            ("bare", lambda number: bare_pass(method, inputs[number])),
            ("with resizing", lambda number: embedded(method, batches[number])),
        ):
            seconds, vectors = timed_passes(forward, len(store) / part)
            times[kind].append(seconds)
            there = embeddings.values[pieces[(round(len(store) / part) - 1) % PIECES]]
            np.testing.assert_allclose(vectors, there, rtol=1e-3, atol=1e-4 * np.abs(there).max())

    benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=1)
    for kind in ("bare", "with resizing"):
        ratio = float(np.median(np.array(times[kind][1:]) / np.array(times["whole"][1:])))
        benchmark.extra_info[f"ratio, {kind}"] = ratio
        least, most = BOUNDS
        assert least < ratio < most, f"the forward pass, {kind}, takes {ratio:.2f} of the time that embedding takes"


def timed_passes(forward: Callable[[int], np.ndarray], passes: float) -> tuple[float, np.ndarray]:
    """Seconds of so many forward passes, memory being kept as embedding keeps it, and the vectors of the last."""
    with keeping_freed_memory():
        start = time.perf_counter()
        for number in range(round(passes)):
            vectors = forward(number % PIECES)
        return (time.perf_counter() - start) / round(passes) * passes, vectors


def embedded(method: Method, batch: CellBatch) -> np.ndarray:
    with torch.inference_mode():
        return method.embed(batch).numpy()
