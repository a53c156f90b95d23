"""What the README shows is run, so that it cannot rot."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_the_python_api(capsys: pytest.CaptureFixture[str]):
    exec(PYTHON[0], {})
    printed = capsys.readouterr().out
    assert "sphering-lw *" in printed and "103 treatments of 38 compounds" in printed


def test_the_method_of_ten_lines(tmp_path: Path, tiny_store):
    (tmp_path / "mean.py").write_text(PYTHON[1])
    command = ["run", "--method", "mean", "--plugin", "mean.py", "--dataset", str(tiny_store.path)]
    finished = subprocess.run([sys.executable, "-m", "cytobench", *command], cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "mean on tiny" in finished.stdout


def test_the_method_that_is_trained(tmp_path: Path, tiny_store):
    (tmp_path / "small.py").write_text(PYTHON[2])
    (recipe,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "recipe.yaml").write_text(recipe)
    command = ["run", "--method", "small", "--plugin", "small.py", "--dataset", str(tiny_store.path), "-o", "training.steps=3"]
    finished = subprocess.run([sys.executable, "-m", "cytobench", *command], cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "small on tiny" in finished.stdout and "against its untrained twin" in finished.stdout


def test_every_command_of_the_table_exists():
    from cytobench.cli import VERBS

    named = set(re.findall(r"^\| `cytobench ([a-z]+)", README, re.MULTILINE))
    assert named == set(VERBS)


def test_every_command_is_one_that_the_command_line_takes():
    from cytobench.cli import group

    lines = [line for block in SHELL for line in block.splitlines() if line.startswith("cytobench ")]
    assert len(lines) > 20
    for line in lines:
        command, words = group, shlex.split(line, comments=True)[1:]
        with click.Context(group, **group.context_settings) as outer:
            while isinstance(command, click.Group) and words and command.get_command(outer, words[0]):
                command, words = command.get_command(outer, words[0]), words[1:]
            command.make_context("cytobench", words, parent=outer)  # raises where an option or an argument is not known


def test_every_file_that_is_linked_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_both_commands_install_with_the_constraints():
    installs = [block for block in SHELL if "pip install" in block]
    assert len(installs) == 2
    assert all("python3 -m venv .venv" in block and "-c constraints.txt" in block for block in installs)


@pytest.mark.slow
def test_the_first_command_ends_in_three_minutes(tmp_path: Path):
    command = [sys.executable, "-m", "cytobench", "run", "--method", "lsgan"]
    environment = {**os.environ, "CYTOBENCH_CACHE": str(tmp_path / "cache")}
    finished = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180)
    assert finished.returncode == 0, finished.stderr
    assert "SIMULATED" in finished.stdout and (tmp_path / "runs" / "board.md").is_file()
