"""What was fetched, from where, and what of it is damaged: ``fetched.json`` and ``damaged.csv`` in an image set's folder."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

from cytobench.datasets.layout import plate_folder
from cytobench.errors import CytoBenchError
from cytobench.files import replacing, write_text
from cytobench.schema import Record, dump_json, load_json

FETCHED = "fetched.json"
DAMAGED = "damaged.csv"


class FetchedTable(Record):
    """A table, and whether it is BBBC021's own or that of another image set in its layout."""

    sha256: str
    official: bool
    source: str


class FetchedArchive(Record):
    """A plate's archive as it was first seen."""

    sha256: str
    bytes: int
    source: str


class DamagedImage(Record):
    """An image that the image table names and that cannot be used."""

    file: str
    reason: str


class FetchedPlate(Record):
    """A plate whose images were all decoded.

    ``bytes`` are those of its files, so that a plate that has changed since is noticed without decoding it again.
    """

    images: int
    bytes: int
    damaged: tuple[DamagedImage, ...] = ()


class Fetched(Record):
    """All that an image set's folder holds; each part in the order of its names."""

    schema_version: int = 1
    tables: dict[str, FetchedTable] = {}
    archives: dict[str, FetchedArchive] = {}
    plates: dict[str, FetchedPlate] = {}


class Ledger:
    """The book that is kept in a folder; every entry is on disk when it returns, whichever thread makes it.

    Args:
        folder: of the image set.
    """

    def __init__(self, folder: Path):
        self._folder, self._lock = folder, threading.Lock()
        path = folder / FETCHED
        self._fetched = load_json(Fetched, path) if path.is_file() else Fetched()
        here = {name: plate for name, plate in self._fetched.plates.items() if plate_folder(folder, name)}
        self._fetched = self._fetched.model_copy(update={"plates": here})  # one that was removed is damaged no more

    def plate(self, name: str) -> FetchedPlate | None:
        """Return what is known of a plate's images."""
        return self._fetched.plates.get(name)

    def archive(self, name: str) -> FetchedArchive | None:
        """Return an archive as it was first seen."""
        return self._fetched.archives.get(name)

    def enter_table(self, name: str, table: FetchedTable) -> None:
        """Record a table and where it was first seen."""
        first = self._fetched.tables.get(name)
        if first is None or first.sha256 != table.sha256:
            self._enter("tables", name, table)

    def enter_archive(self, name: str, archive: FetchedArchive) -> None:
        """Record an archive that is seen for the first time; its hash is trusted from now on."""
        if self.archive(name) is None:
            self._enter("archives", name, archive)

    def enter_plate(self, name: str, plate: FetchedPlate) -> None:
        """Record a plate's images, and list the damaged ones anew."""
        self._enter("plates", name, plate)

    def changed(self, name: str, source: str) -> CytoBenchError:
        """Return the error of an archive that is not the one first seen."""
        first = self._fetched.archives[name]
        return CytoBenchError(
            f"{source}: not the archive that was first fetched from {first.source} (its sha256 is not {first.sha256[:12]}...); "
            f"it was not unpacked: find out which is right, and if it is this one, remove {name} from {self._folder / FETCHED}"
        )

    def _enter(self, part: str, name: str, entry: Record) -> None:
        with self._lock:
            entries = {**getattr(self._fetched, part), name: entry}
            self._fetched = self._fetched.model_copy(update={part: dict(sorted(entries.items()))})
            write_text(self._folder / FETCHED, dump_json(self._fetched))
            if part == "plates":
                self._list_damaged()

    def _list_damaged(self) -> None:
        rows = [(plate, one.file, one.reason) for plate, entry in self._fetched.plates.items() for one in entry.damaged]
        with replacing(self._folder / DAMAGED) as path, path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([("plate", "file", "reason"), *rows])
