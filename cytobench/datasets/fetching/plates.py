"""Bring plates to an image set's folder, each whole or not at all, and decode their images."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from cytobench.datasets.fetching.decoding import decode_plate
from cytobench.datasets.fetching.ledger import Ledger
from cytobench.datasets.fetching.threads import Halt, each_on_threads
from cytobench.datasets.layout import plate_folder
from cytobench.errors import CytoBenchError
from cytobench.progress import progress_bar

Images = Mapping[str, frozenset[str]]
"""Plate -> the names of the image files that it must have."""


class Origin(Protocol):
    """Where plates come from."""

    def offered(self, images: Images) -> dict[str, frozenset[str]]:
        """Return the plates that can be had of those in the image table."""

    def ready(self, plates: Images, workers: int, *, progress: bool) -> AbstractContextManager[bool]:
        """Prepare to bring these plates, or say why not; yield whether a bar already shows how far it is."""

    def fill(self, folder: Path, plate: str, names: frozenset[str]) -> None:
        """Put a plate's images into ``folder``; one that is missing is no error."""

    def finish(self, plate: str) -> None:
        """Tidy up after a plate whose images are verified."""


def bring_plates(
    to: Path,
    plates: Images,
    origin: Origin,
    ledger: Ledger,
    halt: Halt,
    *,
    workers: int,
    decode_again: bool = False,
    progress: bool = True,
) -> None:
    """Bring the plates that are not in ``to`` yet, and enter each into the ledger once its images are decoded.

    Args:
        to: the image set's folder.
        plates: to bring.
        origin: where from.
        ledger: what was fetched and decoded before.
        halt: set where the work is interrupted.
        workers: plates at a time.
        decode_again: also what an earlier call has found whole.
        progress: show progress bars on stderr.

    Raises:
        CytoBenchError: where plates failed, after the others were brought.
    """
    lock = threading.Lock()
    absent = {plate: names for plate, names in plates.items() if not plate_folder(to, plate)}
    with (
        origin.ready(absent, workers, progress=progress) as has_bar,
        progress_bar(sum(map(len, plates.values())), "verifying", "image", shown=progress and not has_bar) as bar,
    ):

        def seen(count: int) -> None:
            with lock:
                bar.update(count)

        def bring(plate: str) -> None:
            halt.check()
            folder, names = plate_folder(to, plate), plates[plate]
            if folder is None:
                with unpacking(to / plate) as temporary:
                    origin.fill(temporary, plate, names)
                    found = decode_plate(temporary, names, halt, seen)
            else:
                found = decode_plate(folder, names, halt, seen, None if decode_again else ledger.plate(plate))
            ledger.enter_plate(plate, found)
            origin.finish(plate)

        failures = each_on_threads(bring, plates, workers, halt)
    _raise_first(failures)


@contextmanager
def unpacking(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder that becomes ``folder`` on success and is removed on failure, or by the next call."""
    temporary = folder.with_name(f".unpacking-{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _raise_first(failures: Mapping[str, CytoBenchError]) -> None:
    if len(failures) > 1:
        first, *others = failures
        raise CytoBenchError(f"{failures[first]} (and {len(others)} more failed: {', '.join(others)})")
    for failure in failures.values():
        raise failure
