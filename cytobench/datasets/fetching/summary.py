"""What a fetch has brought."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cytobench.datasets.fetching.ledger import DAMAGED, Ledger
from cytobench.datasets.fetching.space import gigabytes
from cytobench.errors import CytoBenchError
from cytobench.schema import Record


class FetchSummary(Record):
    """What is in the folder now, of the plates that were asked for."""

    plates: tuple[str, ...]
    images: int
    """Those that can be used."""
    damaged: int
    """Those that are damaged or missing; ``damaged.csv`` says which."""
    bytes: int
    plates_in_table: int
    official: bool
    """Whether both tables are BBBC021's own, not those of another image set in its layout."""

    def __str__(self) -> str:
        own = "" if self.official else ", with tables of its own, not BBBC021's official ones"
        return (
            f"{len(self.plates)} of {self.plates_in_table} plates, {self.images:,} images that can be used, "
            f"{gigabytes(self.bytes)}{own}"
        )


def summarise(to: Path, plates: Iterable[str], ledger: Ledger, *, plates_in_table: int, official: bool) -> FetchSummary:
    """Add up what is known of the plates; an error where no image at all can be used."""
    entries = {plate: entry for plate in plates if (entry := ledger.plate(plate)) is not None}
    summary = FetchSummary(
        plates=tuple(entries),
        images=sum(entry.images for entry in entries.values()),
        damaged=sum(len(entry.damaged) for entry in entries.values()),
        bytes=sum(entry.bytes for entry in entries.values()),
        plates_in_table=plates_in_table,
        official=official,
    )
    if not summary.images:
        raise CytoBenchError(f"{to}: none of the {summary.damaged} images can be used; {to / DAMAGED} says why of each")
    return summary
