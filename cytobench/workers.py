"""Run tasks on the cores of this machine or on a Dask cluster, through joblib."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, cpu_count, delayed, parallel_config

from cytobench.errors import CytoBenchError

Task = TypeVar("Task")
Result = TypeVar("Result")

warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor")
"""joblib replaces a worker that was idle or has grown, and nothing is lost by it."""

WATCH, WATCH_SECONDS = "watch-coordinator", 0.5
"""The thread of a worker that looks whether its coordinator is still there, and how often."""

CONNECT_SECONDS = 10.0
"""How long to wait for a scheduler."""


@contextmanager
def cores_or_cluster(workers: int | None, scheduler: str | None) -> Iterator[int | None]:
    """Choose where joblib, and so :func:`run_tasks`, runs within the block.

    Yields this process's number where its workers are its own.

    Args:
        workers: processes on this machine, as many as it has cores where None; 1 stays in this process.
        scheduler: address of a Dask scheduler, ``tcp://host:port``, whose workers see the same folders; None for this machine.
    """
    workers = cpu_count() if workers is None else workers
    if workers < 1:
        raise CytoBenchError(f"{workers} workers; give at least 1")
    if scheduler is None:
        with parallel_config("loky" if workers > 1 else "sequential", n_jobs=workers):
            yield os.getpid()
        return
    client = _connect(scheduler)
    try:
        with parallel_config("dask", client=client, n_jobs=-1):
            yield None
    finally:
        client.close()


def run_tasks(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Yield ``function(task)`` of every task, in their order, as soon as each is there."""
    coordinator = os.getpid()
    yield from Parallel(return_as="generator")(delayed(_watched)(function, task, coordinator) for task in tasks)


def _watched(function: Callable[[Task], Result], task: Task, coordinator: int) -> Result:
    """Call ``function`` in a worker that ends when its coordinator has ended, even by ``kill -9``."""
    if os.getppid() == coordinator and not any(thread.name == WATCH for thread in threading.enumerate()):
        threading.Thread(target=_end_with, args=(coordinator,), name=WATCH, daemon=True).start()
    return function(task)


def _end_with(coordinator: int) -> None:
    while os.getppid() == coordinator:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def chunks_of(tasks: Sequence[Task], size: int) -> list[Sequence[Task]]:
    """Cut a sequence into pieces of at most ``size``."""
    return [tasks[start : start + size] for start in range(0, len(tasks), size)]


def _connect(scheduler: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise CytoBenchError("--scheduler needs Dask, which is not installed; pip install 'cytobench[cluster]'") from None
    try:
        return Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise CytoBenchError(
            f"no Dask scheduler answers at {scheduler} ({type(error).__name__}: {error}); start one, or correct the address"
        ) from None
