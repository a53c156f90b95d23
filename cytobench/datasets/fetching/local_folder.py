"""Plates from archives or images that are on disk already."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cytobench.datasets.fetching.archive import unpack
from cytobench.datasets.fetching.download import size_here
from cytobench.datasets.fetching.ledger import FetchedArchive, Ledger
from cytobench.datasets.fetching.space import require_space
from cytobench.datasets.fetching.threads import Halt
from cytobench.datasets.layout import SIMULATED, archive_name, plate_archive, plate_folder
from cytobench.errors import CytoBenchError
from cytobench.files import sha256


class LocalFolder:
    """Archives that are unpacked and images that are linked; both stay where they are.

    Args:
        source: the folder, in either layout.
        to: the image set's folder, whose plates need not be in ``source``.
        ledger: what was fetched before.
        halt: asked between images whether to stop.
    """

    def __init__(self, source: Path, to: Path, ledger: Ledger, halt: Halt):
        self._source, self._to, self._ledger, self._halt = source, to, ledger, halt

    def offered(self, images: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        """Return the plates that have a folder or an archive here."""
        found = {plate: names for plate, names in images.items() if self._has(plate) or plate_folder(self._to, plate)}
        if not found:
            plate = next(iter(images), "Week1_22123")
            raise CytoBenchError(
                f"{self._source}: has none of the {len(images)} plates of the image table: "
                f"neither folders like {plate}/ nor archives like {archive_name(plate)}"
            )
        return found

    @contextmanager
    def ready(self, plates: Mapping[str, frozenset[str]], workers: int, *, progress: bool) -> Iterator[bool]:
        """See that every plate is here, and that what is simulated stays marked so."""
        for plate in plates:
            if not self._has(plate):
                raise CytoBenchError(
                    f"{self._source}: has neither a folder {plate}/ nor {archive_name(plate)}; put one there, or leave out --from"
                )
        if (self._source / SIMULATED).is_file() and not (self._to / SIMULATED).exists():
            shutil.copyfile(self._source / SIMULATED, self._to / SIMULATED)
        yield False

    def fill(self, folder: Path, plate: str, names: frozenset[str]) -> None:
        """Link a plate's images into ``folder``, or unpack its archive there."""
        images = plate_folder(self._source, plate)
        if images is not None:
            self._link(images, names, folder)
            return
        archive = plate_archive(self._source, plate)
        assert archive is not None  # ready() has seen it
        digest, known = sha256(archive), self._ledger.archive(archive.name)
        if known is not None and known.sha256 != digest:
            raise self._ledger.changed(archive.name, str(archive))
        unpack(archive, plate, names, folder, self._halt)
        entry = FetchedArchive(sha256=digest, bytes=size_here(archive), source=str(archive.absolute()))
        self._ledger.enter_archive(archive.name, entry)

    def finish(self, plate: str) -> None:
        """Leave what somebody else brought where it is."""

    def _has(self, plate: str) -> bool:
        return (plate_folder(self._source, plate) or plate_archive(self._source, plate)) is not None

    def _link(self, images: Path, names: frozenset[str], folder: Path) -> None:
        here = [images / name for name in sorted(names) if (images / name).is_file()]
        if not _on_one_disk(images, folder):
            require_space(folder, sum(size_here(image) for image in here), f"copies of {images}")
        for image in here:
            self._halt.check()
            try:
                os.link(image.resolve(), folder / image.name)
            except OSError:  # another disk, or one without hard links
                shutil.copyfile(image, folder / image.name)


def _on_one_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev
