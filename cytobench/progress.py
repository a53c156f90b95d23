"""Progress on stderr: a live line on a terminal, a line now and then in a log."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

LOG_SECONDS = 10.0
"""Between lines where stderr is no terminal."""


def note(sentence: str) -> None:
    """Say on stderr what a user should know and need not act on at once."""
    tqdm.write(f"note: {sentence}", file=sys.stderr)


@contextmanager
def counting(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar for work that says how much is done and how much there is; yield what it calls with both numbers."""
    with progress_bar(None, what, unit) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def progress_bar(total: int | None, what: str, unit: str, *, shown: bool = True, done: int = 0) -> tqdm:
    """Return a progress bar over ``total`` units of which some are ``done``; silent where not ``shown``."""
    live = sys.stderr.isatty()
    columns, lines = shutil.get_terminal_size() if live else (None, None)
    return tqdm(
        total=total,
        initial=done,
        desc=what,
        unit=unit,
        disable=not shown,
        mininterval=0.1 if live else LOG_SECONDS,
        ncols=columns,
        nrows=lines,
        delay=0 if live else LOG_SECONDS,
    )
