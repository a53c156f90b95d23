"""A store of 1.3 million cells is read in the memory that one of 10,000 needs."""

import subprocess
import sys

import numpy as np
import pytest
from sparse_store import SHAPE, sparse_store

from cytobench.files import allow_open_files

READ = """
import sys
from cytobench.datasets.samplers import make_sampler
from cytobench.datasets.store import CellStore

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

before = anonymous()
store = CellStore(sys.argv[1])
sampler = make_sampler(store, sys.argv[2], batch_size=64, seed=0)
most = 0
for position in range(100):
    images = store.images(sampler.batch(position))
    most = max(most, anonymous())
assert images.shape == (64, 3, 96, 96)
print(most - before)
"""


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sparse")
    return [sparse_store(folder / str(cells), cells).path for cells in (10_000, 1_300_000)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
@pytest.mark.parametrize(("sampling", "bytes_a_cell"), [("shuffled", 8), ("dmso", 32), ("balanced-treatment", 56)])
def test_memory_does_not_grow_with_the_store(stores, sampling, bytes_a_cell):
    """Beyond the order of the rows, and for some samplings the group of each: a thousandth of the pictures."""
    small, large = (anonymous_memory(path, sampling) for path in stores)
    assert large - small < bytes_a_cell * 1_300_000 / 1024 + 4096, f"{large} KiB against {small} KiB"


def anonymous_memory(path, sampling):
    """What a fresh process takes to read 100 random batches, KiB."""
    ended = subprocess.run([sys.executable, "-c", READ, str(path), sampling], capture_output=True, text=True, check=True)
    return int(ended.stdout)


def test_rows_of_any_part_are_found(tmp_path):
    store = sparse_store(tmp_path / "s", 1_000, part_cells=1)
    for row in (0, 499, 999):
        images = np.load(tmp_path / "s" / store.manifest.parts[row].images, mmap_mode="r+")
        images[0] = row % 251
        images.flush()
    read = store.images(np.array([999, 0, 499, 3]))
    assert read.shape == (4, *SHAPE)
    assert read.max(axis=(1, 2, 3)).tolist() == [999 % 251, 0, 499 % 251, 0]


def test_more_parts_than_a_process_may_open_by_default(tmp_path):
    sparse_store(tmp_path / "s", 600, part_cells=1)
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
        "from cytobench.datasets.store import CellStore\n"
        "print(len(CellStore(sys.argv[1]).images(range(600))))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path / "s")], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "600\n"), ended.stderr


def test_no_limit_is_lowered():
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    allow_open_files(1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= before[0]
