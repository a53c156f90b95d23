"""Plates from a server's archives."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from cytobench.datasets.fetching.answers import size_of
from cytobench.datasets.fetching.archive import RefusedArchiveError, unpack
from cytobench.datasets.fetching.download import Downloader, part_of, retrieve, size_here
from cytobench.datasets.fetching.ledger import FetchedArchive, Ledger
from cytobench.datasets.fetching.mirror import ARCHIVE_BYTES, IMAGE_BYTES, LICENCE, Mirror
from cytobench.datasets.fetching.space import require_space
from cytobench.datasets.fetching.threads import Halt, each_on_threads
from cytobench.datasets.layout import ARCHIVES, archive_name
from cytobench.files import sha256
from cytobench.progress import progress_bar


class Server:
    """Archives that are downloaded, unpacked and, unless they are kept, removed.

    Args:
        mirror: the server.
        to: the image set's folder.
        ledger: what was fetched before.
        halt: asked while downloading and unpacking whether to stop.
        keep_archives: whether archives stay once their images are verified.
    """

    def __init__(self, mirror: Mirror, to: Path, ledger: Ledger, halt: Halt, *, keep_archives: bool):
        self._mirror, self._to, self._ledger, self._halt, self._keep = mirror, to, ledger, halt, keep_archives
        self._sizes: dict[str, int | None] = {}
        self._arrived: Callable[[int], object] = lambda _: None

    def offered(self, images: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        """Return all plates of the image table."""
        return dict(images)

    @contextmanager
    def ready(self, plates: Mapping[str, frozenset[str]], workers: int, *, progress: bool) -> Iterator[bool]:
        """Ask for the sizes of archives, see that there is room, show the licence; then plates may be brought."""
        for leftover in (self._to / ARCHIVES).glob("tmp*"):  # pooch's, from a call that was killed
            leftover.unlink()
        away = [plate for plate in plates if not self._archive(plate).is_file()]
        for failure in each_on_threads(self._ask_size, away, workers, self._halt).values():
            raise failure
        if plates:
            require_space(self._to, *self._needs(plates, away, workers))
        if away:
            tqdm.write(LICENCE, file=sys.stderr)
        lock, total = threading.Lock(), sum(self._size(plate) for plate in away)
        with progress_bar(total, "downloading", "B", shown=progress and bool(away)) as bar:
            bar.unit_scale = True

            def arrived(count: int) -> None:
                with lock:
                    bar.update(count)

            self._arrived = arrived
            yield bool(away)
        with suppress(OSError):  # not empty where archives are kept
            (self._to / ARCHIVES).rmdir()

    def fill(self, folder: Path, plate: str, names: frozenset[str]) -> None:
        """Download the archive, unless it is here, and unpack it into ``folder``."""
        archive, url = self._archive(plate), self._mirror.address(archive_name(plate))
        known = self._ledger.archive(archive.name)
        downloader = Downloader(archive, self._mirror, self._halt, self._arrived, self._sizes.get(plate))
        try:
            retrieve(url, archive, known.sha256 if known else None, downloader)
        except ValueError:
            raise self._ledger.changed(archive.name, url) from None
        try:
            unpack(archive, plate, names, folder, self._halt)
        except RefusedArchiveError:
            archive.unlink()  # so that the next call asks for it again
            raise
        digest = known.sha256 if known else sha256(archive)
        self._ledger.enter_archive(archive.name, FetchedArchive(sha256=digest, bytes=size_here(archive), source=url))

    def finish(self, plate: str) -> None:
        """Remove the archive of a plate whose images are verified."""
        if not self._keep:
            self._archive(plate).unlink(missing_ok=True)

    def _archive(self, plate: str) -> Path:
        return self._to / ARCHIVES / archive_name(plate)

    def _ask_size(self, plate: str) -> None:
        self._sizes[plate] = size_of(self._mirror.address(archive_name(plate)), self._mirror, self._halt)

    def _size(self, plate: str) -> int:
        return self._sizes[plate] or ARCHIVE_BYTES

    def _needs(self, plates: Mapping[str, frozenset[str]], away: Sequence[str], workers: int) -> tuple[int, str]:
        """Return the bytes still to come, at the most at one time, and what they are."""
        archives = sorted((max(self._size(plate) - size_here(part_of(self._archive(plate))), 0) for plate in away), reverse=True)
        images = sum(map(len, plates.values()))
        at_once = archives if self._keep else archives[:workers]
        return sum(at_once) + images * IMAGE_BYTES, f"{len(at_once)} archives at a time and {images:,} images"
