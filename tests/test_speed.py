"""The speed that is claimed of preparing, reading, training, embedding and scoring, as ratios measured side by side."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks" / "performance"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1000)]


class Measured:
    """Benchmarks by name, each file's from one run of it, made when it is first asked for."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._files: dict[str, dict[str, Any]] = {}

    def __call__(self, file: str) -> dict[str, Any]:
        if file not in self._files:
            report = self._folder / f"{file}.json"
            command = [sys.executable, "-m", "pytest", FOLDER / file, "-q", "--benchmark-enable", f"--benchmark-json={report}"]
            subprocess.run(command, check=True, timeout=900)
            self._files[file] = {entry["name"]: entry for entry in json.loads(report.read_text())["benchmarks"]}
        return self._files[file]


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Measured:
    return Measured(tmp_path_factory.mktemp("speed"))


PREPARING, READING, SCORING = "test_preparation.py", "test_store.py", "test_profiles.py"
CELLPROFILER = "test_cellprofiler_features.py"


@pytest.mark.parametrize(
    ("file", "slower", "faster", "at_least"),
    [
        (PREPARING, "test_illumination_plainly", "test_illumination", 10),
        (PREPARING, "test_whole_path_plainly", "test_whole_path", 3),
        (PREPARING, "test_prepare[1]", "test_prepare[2]", 1.6),  # 1.70 to 1.88 in five runs on two virtual cores
        (READING, "test_batches_from_memory", "test_batches_from_the_store", 0.8),
        (
            READING,
            "test_the_size_of_the_store_costs_nothing[10000]",
            "test_the_size_of_the_store_costs_nothing[1000000]",
            0.8,
        ),
        (SCORING, "test_sphering_with_pycytominer", "test_sphering", 50),
        (SCORING, "test_map_with_copairs[MOA]", "test_map[MOA]", 5),
        (SCORING, "test_map_with_copairs[replicate]", "test_map[replicate]", 5),
        (CELLPROFILER, "test_cellprofiler_cell_by_cell", "test_cellprofiler[full-1]", 1.5),
        (CELLPROFILER, "test_cellprofiler[full-1]", "test_cellprofiler[fast-1]", 3.5),
        (CELLPROFILER, "test_cellprofiler[full-1]", "test_cellprofiler[full-2]", 1.5),
    ],
)
def test_ratio(request, measured, file, slower, faster, at_least):
    if file == CELLPROFILER:
        request.getfixturevalue("data")
    found = measured(file)
    ratio = found[slower]["stats"]["min"] / found[faster]["stats"]["min"]
    assert ratio >= at_least, f"{slower} / {faster} = {ratio:.2f}"


@pytest.mark.parametrize("kind", ["plain", "averaged"])
def test_the_trainer_costs_little_over_a_loop_written_by_hand(measured, kind):
    found = measured("test_training.py")[f"test_trainer_over_hand_written_loop[{kind}]"]
    assert found["extra_info"]["ratio"] <= 1.03


def test_reading_would_keep_up_with_ten_times_this_processor(measured):
    found = measured("test_training.py")["test_reading_keeps_up_with_ten_times_this_processor"]
    assert found["extra_info"]["ratio"] >= 10


def test_embedding_costs_little_over_the_bare_forward_pass(measured):
    """Of a method with ResNet-18, resizing included, as its ``embed`` has it."""
    _, resnet = (entry["extra_info"] for _, entry in sorted(measured("test_embedding.py").items()))
    assert resnet["ratio, with resizing"] >= 0.95
