"""What embedding a store costs over the bare forward pass of the same backbone on data already in memory.

    python -m pytest benchmarks/performance/test_embedding.py --benchmark-enable --benchmark-json=embedding.json

Both take turns; the ratio of their rates stands in ``extra_info``. Embedding reads memory-mapped cells, scales and resizes them,
checks and writes the vectors, and embeds 61 cells again; the forward pass is given what the backbone sees, ready made.
"""

import time
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
from cytobench.embedding.forward import NETWORK_CELLS
from cytobench.method import Method
from cytobench.training.recipe import choose_recipe, read_recipes

ROUNDS = 5

BACKBONES = {
    "mobilenetv1-025, channel by channel, 136 px": ("mobilenetv1-025", (), 3000),
    "resnet50, three channels as RGB, 128 px": ("default", ("backbone=resnet50", "channels=rgb", "size=128"), 1500),
}
"""Recipe of random-network, changes to it, and cells."""


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> CellStore:
    """3,000 cells of 68 px, as the real crops have."""
    count = max(cells for *_, cells in BACKBONES.values())
    images = np.random.default_rng(0).integers(0, 65535, (count, 3, 68, 68), np.uint16)
    wells = [f"{row}{column:02d}" for row in "BCDEFG" for column in range(2, 12)]
    table = pd.DataFrame({"plate": "Week1_1", "well": np.resize(wells, count), "compound": "DMSO", "concentration": 0.0})
    path = tmp_path_factory.mktemp("stores") / "noise"
    facts = {"simulated": True, "all_cells_counted": False, "provenance": {}}
    with CellStoreWriter(path, name="noise", channels=("DAPI", "Actin", "Tubulin"), **facts) as writer:
        writer.append(images, table)
    return CellStore(path)


def make(variant: str, changes: tuple[str, ...], store: CellStore) -> Method:
    entry = registry.method("random-network")
    recipe = choose_recipe(read_recipes(entry.recipe_file), variant, changes, "random-network")[1]
    return entry.load_class()(recipe, store.channels, 68, 0).eval()


def prepared(method: Method, store: CellStore, rows: np.ndarray) -> torch.Tensor:
    """What the backbone is given for these cells, in memory."""
    images = BatchReader(store, method.recipe.input).read(rows).images
    views = images.flatten(0, 1)[:, None] if method.options.channels == "each" else images
    with torch.inference_mode():
        return method.prepared(views).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", BACKBONES)
def test_embedding_over_the_bare_forward_pass(benchmark, store: CellStore, tmp_path: Path, name: str):
    variant, changes, count = BACKBONES[name]
    method, part = make(variant, changes, store), NETWORK_CELLS["cpu"]
    inputs = prepared(method, store, np.arange(part))
    passes = len(store) / part
    whole, bare = [], []

    def once() -> None:
        start = time.perf_counter()
        embed(method, store, path=tmp_path / "embeddings.npy")
        whole.append(time.perf_counter() - start)
        start = time.perf_counter()
        with torch.inference_mode():
            for _ in range(round(passes)):
                method.network(inputs)
        bare.append((time.perf_counter() - start) / round(passes) * passes)

    benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=1)
    ratio = np.median(np.array(bare[1:]) / np.array(whole[1:]))
    benchmark.extra_info["ratio"] = float(ratio)
    assert 0 < ratio < 1.2, "more than a forward pass cannot be free"
