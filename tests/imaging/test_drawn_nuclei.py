"""The segmenter's scores on drawn fields are those that are committed."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks" / "segmentation"


def test_the_committed_page_is_that_of_the_code():
    ended = subprocess.run([sys.executable, FOLDER / "score_drawn.py", "--check"], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    rows = [line.split("|")[1:-1] for line in (FOLDER / "drawn.md").read_text().splitlines() if "in focus" in line]
    f1 = {(row[2].strip(), row[4].strip()): float(row[5]) for row in rows}
    assert f1["nuclei", "0.5"] > 0.8
    assert f1["cells", "0.5"] > 0.7
