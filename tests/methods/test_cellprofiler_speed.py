"""The speed that is claimed of CellProfiler's features, as ratios measured side by side."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "performance" / "test_cellprofiler_features.py"


@pytest.fixture(scope="module")
def fastest(data, tmp_path_factory) -> dict[str, float]:
    """Benchmark -> the least of its times, all from one run."""
    report = tmp_path_factory.mktemp("speed") / "report.json"
    command = [sys.executable, "-m", "pytest", FILE, "-q", "--benchmark-enable", f"--benchmark-json={report}"]
    subprocess.run(command, check=True, timeout=900)
    return {entry["name"]: entry["stats"]["min"] for entry in json.loads(report.read_text())["benchmarks"]}


@pytest.mark.slow
@pytest.mark.timeout(1000)
@pytest.mark.parametrize(
    ("slower", "faster", "at_least"),
    [
        ("test_cellprofiler_cell_by_cell", "test_cellprofiler[full-1]", 1.5),
        ("test_cellprofiler[full-1]", "test_cellprofiler[fast-1]", 3.5),
        ("test_cellprofiler[full-1]", "test_cellprofiler[full-2]", 1.5),
    ],
)
def test_ratio(fastest, slower, faster, at_least):
    ratio = fastest[slower] / fastest[faster]
    assert ratio >= at_least, f"{slower} / {faster} = {ratio:.2f}"
