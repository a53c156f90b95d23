"""A preparation on a Dask cluster of two worker processes, one of which is killed in the middle, makes the same store."""

import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from small_fields import write_fields
from test_preparation import SPEC, contents, make

PLATES = ("Week1_1", "Week1_2", "Week2_1", "Week2_2")
SMALL_PARTS = SPEC.model_copy(update={"fields_per_part": 1})


@contextmanager
def started(module, *words):
    """A process of a Dask module; yields it and an iterator over what it says."""
    command = [sys.executable, "-m", f"distributed.cli.{module}", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            yield process, iter(process.stderr.readline, "")
        finally:
            process.kill()


def said(lines, pattern):
    """The first match of a pattern in what a process says; the rest is read away so that it can go on."""
    found = next(match for match in map(re.compile(pattern).search, lines) if match)
    threading.Thread(target=lambda: list(lines), daemon=True).start()
    return found


@pytest.fixture
def cluster():
    """The address of a scheduler on loopback, and its two workers."""
    with ExitStack() as stack:
        scheduler, lines = stack.enter_context(started("dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard"))
        address = said(lines, r"Scheduler at:\s+(tcp://\S+)")[1]
        options = ("--no-nanny", "--nthreads", 1, "--host", "127.0.0.1", "--no-dashboard")
        workers = [stack.enter_context(started("dask_worker", address, *options)) for _ in range(2)]
        for _, said_by_worker in workers:
            said(said_by_worker, "Registered to")
        yield address, [process for process, _ in workers]


def kill_when_parts_are_there(process: subprocess.Popen, store: Path, parts: int, killed_at: list[int]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        finished = len(list(store.glob(".work/*/part.json")))
        if finished >= parts:
            process.kill()
            killed_at.append(finished)
            return
        time.sleep(0.005)


def test_a_killed_worker_s_fields_are_done_by_the_other(cluster, tmp_path):
    address, (doomed, _) = cluster
    images, killed_at = write_fields(tmp_path / "images", PLATES), []
    watching = (doomed, tmp_path / "store", 3, killed_at)
    watcher = threading.Thread(target=kill_when_parts_are_there, args=watching)
    watcher.start()
    made = make(images, tmp_path / "store", SMALL_PARTS, scheduler=address)
    watcher.join()
    assert killed_at and 3 <= killed_at[0] < 24
    assert doomed.wait(timeout=10) != 0
    made.verify()
    assert contents(made.path) == contents(make(images, tmp_path / "again" / "store", SMALL_PARTS).path)
