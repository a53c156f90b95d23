"""Bring BBBC021's image set, or one in its layout, to a folder: tables, plates, and a word on every image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cytobench.datasets.fetching.ledger import Ledger
from cytobench.datasets.fetching.local_folder import LocalFolder
from cytobench.datasets.fetching.mirror import URL, Mirror
from cytobench.datasets.fetching.plates import Origin, bring_plates
from cytobench.datasets.fetching.server import Server
from cytobench.datasets.fetching.summary import FetchSummary, summarise
from cytobench.datasets.fetching.tables import bring_tables, choose, images_by_plate
from cytobench.datasets.fetching.threads import Halt
from cytobench.datasets.layout import IMAGE_TABLE
from cytobench.errors import CytoBenchError, nearest
from cytobench.files import locked
from cytobench.locations import cache_folder
from cytobench.schema import validate

IMAGE_SETS = ("bbbc021",)
LOCK = ".fetch.lock"


def default_folder(name: str) -> Path:
    """Return where an image set is kept unless another place is named."""
    if name not in IMAGE_SETS:
        raise CytoBenchError(f"unknown image set {name!r}{nearest(name, IMAGE_SETS)} (known: {', '.join(IMAGE_SETS)})")
    return cache_folder() / name


def fetch_bbbc021(
    to: str | Path,
    *,
    plates: Sequence[str] | None = None,
    source: str | Path | None = None,
    mirror: str | Mirror = URL,
    workers: int = 4,
    keep_archives: bool = False,
    progress: bool = True,
) -> FetchSummary:
    """Bring the tables and plates of BBBC021 to a folder, and decode every image once.

    Finished plates are neither fetched nor decoded again, and what was interrupted continues. The first archive of a plate is
    trusted, its sha256 recorded in ``fetched.json``, and any other refused from then on.

    Args:
        to: the folder; afterwards it holds the two tables, ``<plate>/<file>.tif``, ``fetched.json`` and ``damaged.csv``.
        plates: for example ``["Week1_22123"]``; by default all of the image table, or all that ``source`` has.
        source: a folder with archives or images, which are verified and unpacked or linked, instead of the network; where it
            is ``to`` itself, its images are verified in place. Its tables may be another image set's than BBBC021's.
        mirror: the server.
        workers: plates at a time.
        keep_archives: keep downloaded archives, in ``archives/``.
        progress: show progress bars on stderr.

    Raises:
        CytoBenchError: where a plate could not be brought (finished ones stay), or no image at all can be used.
    """
    to, source = Path(to), Path(source) if source is not None else None
    server = mirror if isinstance(mirror, Mirror) else validate(Mirror, {"url": mirror}, f"the mirror {mirror!r}")
    if source is not None and not source.is_dir():
        raise CytoBenchError(f"{source}: no such folder; --from names a folder with BBBC021's archives or images")
    to.mkdir(parents=True, exist_ok=True)
    with locked(to / LOCK, str(to)):
        ledger, halt = Ledger(to), Halt()
        official = bring_tables(to, source, server, ledger)
        images = images_by_plate(to / IMAGE_TABLE)
        origin: Origin = Server(server, to, ledger, halt, keep_archives=keep_archives)
        if source is not None:
            origin = LocalFolder(source, to, ledger, halt)
        chosen = choose(images, plates, to / IMAGE_TABLE) if plates is not None else origin.offered(images)
        in_place = source is not None and source.resolve() == to.resolve()
        bring_plates(to, chosen, origin, ledger, halt, workers=workers, decode_again=in_place, progress=progress)
        return summarise(to, chosen, ledger, plates_in_table=len(images), official=official)
