"""Fixtures that every test may use."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytobench.cli import main
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter

TREATMENTS = Path(__file__).parents[1] / "benchmarks" / "bbbc021_moa" / "treatments.csv"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the session's own, so that no test depends on what an earlier one left."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["CYTOBENCH_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data."""
    named = os.environ.get("CYTOBENCH_DATA")
    if not named:
        pytest.skip("needs real data: set CYTOBENCH_DATA to the folder that tests/README.md describes")
    if not Path(named).is_dir():
        pytest.fail(f"CYTOBENCH_DATA names {named}, which is not a folder")
    return Path(named)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test of real data that skips although the real data are there: a skip would hide that nothing was tested."""
    report = yield
    if report.skipped and "data" in getattr(item, "fixturenames", ()) and os.environ.get("CYTOBENCH_DATA"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped although CYTOBENCH_DATA is set"
    return report


def screen_cells(treatments: int = 20, cells: int = 3) -> pd.DataFrame:
    """A cell table: the first treatments of the protocol and DMSO on four plates of two weeks, ``cells`` in each well."""
    listed = pd.read_csv(TREATMENTS).head(treatments)
    rows = []
    for number, plate in enumerate(("Week1_1", "Week1_2", "Week2_1", "Week2_2")):
        for position, treatment in enumerate(listed.itertuples()):
            if position % 2 == number // 2:  # each treatment sits in one week, on both of its plates
                rows.append((plate, f"B{position:02d}", treatment.compound, treatment.concentration))
        rows += [(plate, f"A{position:02d}", "DMSO", 0.0) for position in range(6)]
    table = pd.DataFrame(rows, columns=["plate", "well", "compound", "concentration"])
    return table.loc[table.index.repeat(cells)].reset_index(drop=True)


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory: pytest.TempPathFactory) -> CellStore:
    """192 noisy blobs of 64 px whose size and brightness depend on the treatment, with masks."""
    table = screen_cells()
    generator = np.random.default_rng(0)
    strength = table["compound"].astype("category").cat.codes.to_numpy() + 1.0
    y, x = np.mgrid[-32:32, -32:32]
    radius = (8 + strength + generator.normal(0, 1, len(table)))[:, None, None]
    blob = np.exp(-(x**2 + y**2) / (2 * radius**2))
    gains = generator.uniform(0.5, 1, (len(table), 3)) * [4000, 2000, 1000]
    images = blob[:, None] * gains[:, :, None, None] + generator.uniform(50, 150, (len(table), 3, 64, 64))
    masks = (blob > 0.3).astype(np.uint8) + (blob > 0.7)
    path = tmp_path_factory.mktemp("stores") / "tiny"
    facts = {"simulated": True, "all_cells_counted": True, "provenance": {"source": "blobs of the test suite"}}
    with CellStoreWriter(path, name="tiny", channels=("DNA", "Tubulin", "Actin"), **facts) as writer:
        writer.append(images.astype(np.uint16), table, masks.astype(np.uint8))
    return CellStore(path)


@pytest.fixture(scope="session")
def profiles() -> pd.DataFrame:
    """A profile table of the tiny screen: 64 wells, five features that know nothing."""
    table = screen_cells(cells=1).rename(columns=lambda name: f"Metadata_{name.capitalize()}")
    values = np.random.default_rng(0).normal(size=(len(table), 5))
    return table.assign(**{f"Cells_Feature{number}": column for number, column in enumerate(values.T)})


@dataclass(frozen=True)
class Called:
    """What one call of the command line gave."""

    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line that a failed call leaves on stderr; stdout stays empty."""
        assert (self.status, self.out) == (1, ""), (self.status, self.out, self.err)
        assert self.err.startswith("cytobench: ") and self.err.count("\n") == 1, self.err
        return self.err.strip()


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """``cli("ls", "methods")`` calls the command line as a shell would."""

    def call(*words: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["cytobench", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Called(int(ended.value.code or 0), out, err)

    return call


@pytest.fixture
def another_process() -> Callable[[str], object]:
    """``with another_process(code):`` runs ``code``, which prints a line when it is ready and then waits on ``stdin.read()``."""

    @contextmanager
    def running(code: str) -> Iterator[None]:
        command = [sys.executable, "-c", f"import sys\nfrom pathlib import Path\n{code}"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout and process.stdin
            assert process.stdout.readline(), "it ended before it was ready"
            try:
                yield
            finally:
                process.stdin.close()
                process.wait(timeout=20)

    return running
