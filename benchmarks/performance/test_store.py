"""What reading a cell store costs, beside the same array in memory and beside a store a hundred times as large.

    python -m pytest benchmarks/performance --benchmark-enable --benchmark-columns=min,median,rounds

Quote the ratio of the medians inside a group, never a time.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytobench.datasets.samplers import make_sampler
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "datasets"))
from sparse_store import sparse_store  # noqa: E402  # the stores that the tests read, too

CELLS, BATCH, BATCHES = 8_000, 64, 50


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """(8000, 3, 96, 96) uint16: 442 MB."""
    return np.random.default_rng(0).integers(0, 65535, (CELLS, 3, 96, 96), np.uint16)


@pytest.fixture(scope="module")
def store(pixels, tmp_path_factory) -> CellStore:
    """The same cells in a store."""
    path = tmp_path_factory.mktemp("stores") / "store"
    table = pd.DataFrame({"plate": "Week1_1", "well": "B02", "compound": "DMSO", "concentration": 0.0}, index=range(CELLS))
    facts = {"simulated": True, "all_cells_counted": True, "provenance": {}}
    with CellStoreWriter(path, name="s", channels=("DAPI", "Tubulin", "Actin"), **facts) as writer:
        writer.append(pixels, table)
    store = CellStore(path)
    store.verify()
    return store


def batches_of(store) -> list[np.ndarray]:
    return list(itertools.islice(make_sampler(store, "shuffled", batch_size=BATCH, seed=0), BATCHES))


@pytest.mark.benchmark(group="50 random batches of 64 cells, 3 x 96 x 96 uint16", warmup=True, warmup_iterations=2)
def test_batches_from_the_store(benchmark, store, pixels):
    rows = batches_of(store)
    read = benchmark(lambda: [store.images(batch) for batch in rows][-1])
    np.testing.assert_array_equal(read, pixels[rows[-1]])


@pytest.mark.benchmark(group="50 random batches of 64 cells, 3 x 96 x 96 uint16", warmup=True, warmup_iterations=2)
def test_batches_from_memory(benchmark, store, pixels):
    rows = batches_of(store)
    assert len(benchmark(lambda: [pixels[batch] for batch in rows][-1])) == BATCH


@pytest.fixture(scope="module")
def sparse(tmp_path_factory) -> dict[int, CellStore]:
    """Stores of 10 thousand and of 1 million cells; no cell of them was read before."""
    folder = tmp_path_factory.mktemp("sparse")
    return {cells: sparse_store(folder / str(cells), cells) for cells in (10_000, 1_000_000)}


@pytest.mark.benchmark(group="50 shuffled batches of 64 cells by the size of the store, each cell read for the first time")
@pytest.mark.parametrize("cells", [10_000, 1_000_000])
def test_the_size_of_the_store_costs_nothing(benchmark, sparse, cells):
    sampler = make_sampler(sparse[cells], "shuffled", batch_size=BATCH, seed=0)
    sampler.batch(0)  # draws the order of the epoch
    start = itertools.count(step=BATCHES)

    def read() -> int:
        begin = next(start)
        return sum(len(sparse[cells].images(sampler.batch(position))) for position in range(begin, begin + BATCHES))

    assert benchmark.pedantic(read, rounds=3) == BATCH * BATCHES  # 9,600 of the smaller store's 10,000 cells
