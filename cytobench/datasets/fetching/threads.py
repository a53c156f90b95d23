"""Several plates at a time, on threads that stop when asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from cytobench.errors import CytoBenchError

T = TypeVar("T")


class HaltedError(Exception):
    """Work that was stopped from outside."""


class UnreachableError(CytoBenchError):
    """A server that does not answer, or not to the end."""


class Halt(threading.Event):
    """A request to stop, which long work looks at between its steps."""

    def check(self) -> None:
        """Stop here if that was asked."""
        if self.is_set():
            raise HaltedError

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until a stop is asked."""
        self.wait(seconds)
        self.check()


def each_on_threads(work: Callable[[T], object], items: Iterable[T], workers: int, halt: Halt) -> dict[T, CytoBenchError]:
    """Do ``work`` for each item.

    An item that fails with a CytoBenchError keeps no other from being done, except where the server is unreachable: then what
    is under way ends and nothing more begins. Any other error, and Ctrl-C, stop all.

    Returns:
        The items that failed, and why.
    """
    failures: dict[T, CytoBenchError] = {}
    unreachable = threading.Event()

    def step(item: T) -> None:
        try:
            if not unreachable.is_set():
                work(item)
        except CytoBenchError as error:
            failures[item] = error
            if isinstance(error, UnreachableError):
                unreachable.set()

    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(step, item) for item in items]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            halt.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failures
