"""Style, types and boards: the checks that are no tests of behaviour, so that one command runs everything."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECKS = {
    "ruff": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "boards": ["cytobench", "leaderboard", "build", "--check"],
}


@pytest.mark.parametrize("check", CHECKS)
def test_check(check: str):
    finished = subprocess.run([sys.executable, "-m", *CHECKS[check]], cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
