"""Run tasks on the cores of this machine or on a Dask cluster, through joblib."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config

from cytobench.errors import CytoBenchError

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_SECONDS = 10.0
"""How long to wait for a scheduler."""


@contextmanager
def cores_or_cluster(workers: int, scheduler: str | None) -> Iterator[None]:
    """Choose where :func:`run_tasks` runs within the block.

    Args:
        workers: processes on this machine; 1 stays in this process.
        scheduler: address of a Dask scheduler, ``tcp://host:port``, whose workers see the same folders; None for this machine.
    """
    if workers < 1:
        raise CytoBenchError(f"{workers} workers; give at least 1")
    if scheduler is None:
        with parallel_config("loky" if workers > 1 else "sequential", n_jobs=workers):
            yield
        return
    client = _connect(scheduler)
    try:
        with parallel_config("dask", client=client, n_jobs=-1):
            yield
    finally:
        client.close()


def run_tasks(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Yield ``function(task)`` of every task, in their order, as soon as each is there."""
    yield from Parallel(return_as="generator")(delayed(function)(task) for task in tasks)


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
