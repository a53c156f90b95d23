"""A wheel built from the tree, installed outside the checkout, runs."""

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns(".*", "runs", "build", "*.egg-info", "tests"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(source)], check=True, capture_output=True)
    shutil.rmtree(source)
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    (site,) = (folder / "env").glob("lib/python*/site-packages")
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True, capture_output=True)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


def cytobench(python: Path, *words: str) -> str:
    finished = subprocess.run([str(python), "-m", "cytobench", *words], cwd=python.parent, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_it_is_the_wheel_that_runs(installed: Path):
    code = (
        "import cytobench, cytobench_methods as m, cytobench_benchmarks as b; print(cytobench.__file__, m.__file__, b.__file__)"
    )
    printed = subprocess.run(
        [str(installed), "-c", code], cwd=installed.parent, capture_output=True, text=True, check=True
    ).stdout
    assert all(str(installed.parents[1]) in path for path in printed.split()), printed


def test_cards_recipes_and_protocol_are_in_it(installed: Path):
    methods = json.loads(cytobench(installed, "ls", "methods", "--json"))["methods"]
    assert {"random", "lsgan", "vae"} <= {method["method"] for method in methods}
    assert "steps of 64" in cytobench(installed, "ls", "recipes")
    assert "sphering-lw" in cytobench(installed, "info", "bbbc021-moa")


def test_it_runs(installed: Path, tiny_store):
    printed = cytobench(installed, "run", "--method", "intensity", "--dataset", str(tiny_store.path))
    assert "intensity on tiny" in printed
