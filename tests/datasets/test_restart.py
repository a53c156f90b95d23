"""A preparation that is killed at any moment goes on to the same store; a full disk loses nothing."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from small_fields import write_fields
from test_preparation import SPEC, contents, make

from cytobench.datasets.store import CellStore

KILLS = 10

PREPARE = f"""
import json, sys
from pathlib import Path
from cytobench.datasets.preparation.prepare import prepare
from cytobench.datasets.preparation.spec import PreparationSpec
images, out = map(Path, sys.argv[1:3])
spec = PreparationSpec.model_validate_json({SPEC.model_dump_json()!r})
"""

KILLED = (
    PREPARE
    + """
import os, random, shutil, signal, time
from cytobench.datasets.store import CellStore

def forked(out):
    child = os.fork()
    if child == 0:
        prepare(images, out, spec, progress=False)
        os._exit(0)
    return child

began = time.monotonic()
os.waitpid(forked(out / "first" / "store"), 0)
whole, moments, left = time.monotonic() - began, random.Random(0), []
for attempt in range(5 * int(sys.argv[3])):
    if len(left) == int(sys.argv[3]):
        break
    store = out / str(len(left)) / "store"
    shutil.rmtree(store, ignore_errors=True)
    child = forked(store)
    time.sleep(moments.uniform(0.05, 0.95) * whole)
    os.kill(child, signal.SIGKILL)
    if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):  # it had ended: this machine is faster now than a moment ago
        whole *= 0.8
        continue
    finished = [store / f"images-{part.parent.name}.npy" for part in store.glob(".work/*/part.json")]
    if (store / "store.json").exists():
        CellStore(store).verify()
    parts = {str(file): file.stat().st_mtime_ns for file in finished}
    if os.waitpid(forked(store), 0)[1] != 0:
        raise SystemExit(f"{len(left)} was not finished")
    left.append(parts)
print(json.dumps(left))
"""
)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return write_fields(tmp_path_factory.mktemp("set") / "images", ("Week1_1", "Week1_2", "Week2_1"))


def test_killed_at_ten_random_moments_it_ends_with_the_same_store(images, tmp_path):
    called = [sys.executable, "-c", KILLED, str(images), str(tmp_path), str(KILLS)]
    ended = subprocess.run(called, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stderr
    trials = json.loads(ended.stdout)
    whole = contents(make(images, tmp_path / "store").path)
    assert len(trials) == KILLS
    assert len({len(parts) for parts in trials}) >= 3  # with none, some and many parts finished
    for number, parts in enumerate(trials):
        assert contents(tmp_path / str(number) / "store") == whole
        again = {file: Path(file).stat().st_mtime_ns for file in parts}
        assert again == parts, "a finished part was made again"


FULL = (
    PREPARE
    + """
import resource
from cytobench.errors import CytoBenchError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    prepare(images, out, spec, progress=False)
except CytoBenchError as error:
    print(error)
"""
)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.1, 0.5, 0.99])
def test_a_full_disk_is_said_and_what_is_complete_opens(images, tmp_path, share):
    first = make(images, tmp_path / "store", plates=["Week1_1"])
    limit = int(share * max(file.stat().st_size for file in first.path.glob("images-Week1_1*")))
    extended = subprocess.run(
        [sys.executable, "-c", FULL, str(images), str(tmp_path / "store"), str(limit)], capture_output=True, text=True, timeout=60
    )
    assert "the disk is full" in extended.stdout, extended.stderr
    assert "run the same command again: finished parts are kept" in extended.stdout
    opened = CellStore(tmp_path / "store")
    opened.verify()
    assert opened.cells["plate"].unique().tolist() == ["Week1_1"]
    make(images, tmp_path / "store")
    assert contents(tmp_path / "store") == contents(make(images, tmp_path / "again" / "store").path)


def running(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_killed_with_its_workers_at_work_it_ends_with_the_same_store(images, tmp_path):
    (tmp_path / "spec.yaml").write_text(f"crop_size: {SPEC.crop_size}\nfields_per_part: 1\n")
    words = ["data", "prepare", str(images), str(tmp_path / "store"), "--config", str(tmp_path / "spec.yaml"), "--workers", "2"]
    with subprocess.Popen([sys.executable, "-m", "cytobench", *words], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not any((tmp_path / "store").glob(".work/*/part.json")) and time.monotonic() < deadline:
            time.sleep(0.005)
        workers = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        process.kill()
    assert len(workers) >= 2
    spec = SPEC.model_copy(update={"fields_per_part": 1})
    made = contents(make(images, tmp_path / "store", spec).path)
    assert made == contents(make(images, tmp_path / "again" / "store", spec).path)
    while any(map(running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(running, workers)), "a worker outlived the process that it worked for"
    assert contents(tmp_path / "store") == made
