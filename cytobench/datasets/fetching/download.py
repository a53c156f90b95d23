"""One file over HTTP: continued where it broke off, and never taken for whole when it is short."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pooch
import requests

from cytobench.datasets.fetching.answers import BrokenOffError, ask, length_of, start_of, version_of
from cytobench.datasets.fetching.mirror import Mirror
from cytobench.datasets.fetching.threads import Halt, UnreachableError

CHUNK = 1 << 14
"""Bytes read at a time: what came of a chunk is lost where the connection breaks off within it."""


class Downloader:
    """A downloader for ``pooch.retrieve`` that keeps what has arrived in a file ``.part`` beside the target.

    Args:
        target: the file's place once it is whole.
        mirror: how patient to be.
        halt: asked between chunks whether to stop.
        arrived: told the number of bytes that came (less than 0 where a file begins anew).
        size: of the file, where the server has said it before.
    """

    def __init__(
        self, target: Path, mirror: Mirror, halt: Halt, arrived: Callable[[int], object] = lambda _: None, size: int | None = None
    ):
        self._part, self._version = part_of(target), target.with_name(f"{target.name}.part.version")
        self._mirror, self._halt, self._arrived, self._size = mirror, halt, arrived, size
        self._counted = 0

    def __call__(self, url: str, output_file: str, _: object) -> None:
        """Bring ``url`` whole to ``output_file``; raise UnreachableError, or CytoBenchError where the server refuses."""
        furthest, fruitless = size_here(self._part), 0
        while (reason := self._try(url)) is not None:
            fruitless = 0 if size_here(self._part) > furthest else fruitless + 1
            furthest = max(furthest, size_here(self._part))
            if fruitless >= self._mirror.tries:
                raise UnreachableError(
                    f"{url}: could not be fetched ({reason}; {fruitless} tries without a new byte); what has arrived is kept and "
                    "the same command continues: check the network, name another --mirror, or use --from"
                )
            self._halt.sleep(self._mirror.pause(max(fruitless, 1)))
        os.replace(self._part, output_file)
        self._version.unlink(missing_ok=True)

    def _try(self, url: str) -> str | None:
        """Ask for the bytes that are missing; return None where they came, else why not."""
        have = size_here(self._part)
        try:
            with ask("GET", url, self._mirror, **self._range(have)) as response:
                if response.status_code == 416 and have and length_of(response) == have:
                    return None  # all had arrived, but an earlier call ended before it was put in its place
                total = self._begin(response, have)
                self._receive(response, total)
        except BrokenOffError as broken:
            return str(broken)
        got = size_here(self._part)
        return None if total in (None, got) else f"it broke off after {got:,} of {total:,} bytes"

    def _range(self, have: int) -> dict[str, str]:
        if not have:
            return {}
        unchanged = {"If-Range": self._version.read_text(encoding="utf-8")} if self._version.is_file() else {}
        return {"Range": f"bytes={have}-", **unchanged}

    def _begin(self, response: requests.Response, have: int) -> int | None:
        """Return how long the file will be; a range that was not asked for, or another file's length, is no use."""
        total = length_of(response)
        if response.status_code == 416 or (response.status_code == 206 and start_of(response) != have):
            self._begin_anew("")
            raise BrokenOffError("its server has another range of the file than was asked for")
        if self._size is not None and total not in (None, self._size):
            self._begin_anew("")
            raise BrokenOffError(f"the file has {total:,} bytes now, {self._size:,} a moment ago")
        if response.status_code != 206:
            self._begin_anew(version_of(response))
        return total or self._size

    def _receive(self, response: requests.Response, total: int | None) -> None:
        position = size_here(self._part)
        self._count(position)
        with self._part.open("ab") as file:
            for chunk in response.iter_content(CHUNK):
                self._halt.check()
                position += file.write(chunk)
                self._count(position)
                if total is not None and position > total:
                    break
        if total is not None and position > total:
            self._begin_anew("")
            raise BrokenOffError(f"more than its {total:,} bytes came")

    def _begin_anew(self, version: str) -> None:
        self._part.write_bytes(b"")
        self._version.write_text(version, encoding="utf-8") if version else self._version.unlink(missing_ok=True)

    def _count(self, position: int) -> None:
        self._arrived(position - self._counted)
        self._counted = position


def retrieve(url: str, target: Path, digest: str | None, downloader: Downloader) -> None:
    """Bring a file through pooch, unless it is here with that sha256 (any, where None); ValueError where it has another."""
    pooch.get_logger().setLevel(logging.WARNING)  # else it writes between the progress bars
    pooch.retrieve(url, f"sha256:{digest}" if digest else None, target.name, target.parent, downloader=downloader)


def part_of(target: Path) -> Path:
    """Return where the beginning of a file is kept that has not arrived whole."""
    return target.with_name(f"{target.name}.part")


def size_here(path: Path) -> int:
    """Return a file's size, 0 where it is not there."""
    return path.stat().st_size if path.is_file() else 0
