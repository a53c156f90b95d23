"""Averages of cells against pandas and scipy."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import trim_mean

from cytobench.errors import CytoBenchError
from cytobench.profiling import robust
from cytobench.profiling.aggregate import cells_to_wells
from cytobench.profiling.robust import aggregate_cells

NAMES = list("abcdef")


@pytest.fixture
def screen() -> tuple[np.ndarray, pd.DataFrame]:
    """400 cells in 12 wells in no order, some values missing, one feature of one well missing in all cells."""
    generator = np.random.default_rng(0)
    well = generator.choice([f"B{number:02d}" for number in range(6)], 400)
    table = pd.DataFrame({"plate": generator.choice(["P2", "P1"], 400), "well": well, "compound": well, "concentration": 1.0})
    values = generator.standard_cauchy((400, len(NAMES))).astype(np.float32)
    values[generator.random(values.shape) < 0.1] = np.nan
    values[(table["plate"] == "P1") & (table["well"] == "B03"), 2] = np.nan
    return values, table


def trimmed(column: pd.Series) -> float:
    return trim_mean(column.dropna().to_numpy(), 0.1) if column.notna().any() else np.nan


@pytest.mark.parametrize("block", [1, 100, 2**22])
@pytest.mark.parametrize(("how", "plainly"), [("median", "median"), ("trimmed-mean", trimmed), ("mean", "mean")])
def test_is_the_groupby(screen, monkeypatch, how, plainly, block):
    monkeypatch.setattr(robust, "BLOCK_VALUES", block)
    values, table = screen
    wells = aggregate_cells(values, table, NAMES, how)
    grouped = pd.DataFrame(values.astype(np.float64), columns=NAMES).groupby([table["plate"], table["well"]])
    expected = grouped.agg(plainly)
    np.testing.assert_allclose(wells[NAMES], expected, rtol=1e-12)
    assert list(zip(wells["Metadata_Plate"], wells["Metadata_Well"], strict=True)) == list(expected.index)
    assert wells[NAMES].isna().sum().sum() == 1


@pytest.mark.parametrize("cells", [1, 2, 9, 10, 19, 20, 21])
def test_trimmed_mean_cuts_as_many_cells_as_scipy(cells):
    values = np.random.default_rng(cells).standard_cauchy((cells, 2)).astype(np.float32)
    table = pd.DataFrame({"plate": "P", "well": "B02", "compound": "x", "concentration": 1.0}, index=range(cells))
    found = aggregate_cells(values, table, ["a", "b"], "trimmed-mean")[["a", "b"]].to_numpy()[0]
    np.testing.assert_allclose(found, trim_mean(values.astype(np.float64), 0.1, axis=0), rtol=1e-12)


def test_mean_is_the_protocols_and_all_tables_are_alike(screen):
    expected = cells_to_wells(*screen, NAMES)
    pd.testing.assert_frame_equal(aggregate_cells(*screen, NAMES, "mean"), expected)
    metadata = [column for column in expected if column.startswith("Metadata_")]
    for how in ("median", "trimmed-mean"):
        found = aggregate_cells(*screen, NAMES, how)
        assert list(found) == list(expected)
        pd.testing.assert_frame_equal(found[metadata], expected[metadata])


def test_one_broken_cell_moves_the_mean_only(screen):
    values, table = screen
    values = np.random.default_rng(1).normal(size=values.shape).astype(np.float32)
    broken = values.copy()
    broken[7] = 1e6
    moved = {
        how: np.abs(aggregate_cells(broken, table, NAMES, how)[NAMES] - aggregate_cells(values, table, NAMES, how)[NAMES])
        .max()
        .max()
        for how in ("mean", "median", "trimmed-mean")
    }
    assert moved["mean"] > 1e4
    assert max(moved["median"], moved["trimmed-mean"]) < 1


def test_an_unknown_average_names_the_nearest(screen):
    with pytest.raises(CytoBenchError, match="no average 'trimed-mean'.*; did you mean 'trimmed-mean'"):
        aggregate_cells(*screen, NAMES, "trimed-mean")


AVERAGE = """
import sys
import numpy as np, pandas as pd
from cytobench.profiling.robust import aggregate_cells

def most():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

values = np.load(sys.argv[1], mmap_mode="r")
table = pd.DataFrame({"plate": "P", "well": "B02", "compound": "x", "concentration": 1.0}, index=range(len(values)))
names = [str(number) for number in range(values.shape[1])]
import threading, time
peak, ended = most(), threading.Event()
before = peak
def watch():
    global peak
    while not ended.wait(0.002):
        peak = max(peak, most())
thread = threading.Thread(target=watch); thread.start()
wells = aggregate_cells(values, table, names, "median")
ended.set(); thread.join()
assert wells["Metadata_Cells"][0] == len(values)
print(peak - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_one_well_larger_than_memory_should_be_is_read_in_parts(tmp_path):
    """100,000 cells of 1,024 features in one well are 820 MB in float64; a sparse file holds them in no room."""
    path = tmp_path / "values.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(100_000, 1_024)).flush()
    ended = subprocess.run([sys.executable, "-c", AVERAGE, str(path)], capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 300 * 1024, f"{ended.stdout} KiB"
