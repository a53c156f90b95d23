"""The two tables of an image set, and which images they say a plate has."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from cytobench.datasets.fetching.download import Downloader, retrieve
from cytobench.datasets.fetching.ledger import FetchedTable, Ledger
from cytobench.datasets.fetching.mirror import Mirror
from cytobench.datasets.fetching.threads import Halt
from cytobench.datasets.layout import CHANNELS
from cytobench.errors import CytoBenchError, nearest
from cytobench.files import replacing, sha256
from cytobench.locations import data_folder
from cytobench.schema import FOLDER_NAME

PLATE = "Image_Metadata_Plate_DAPI"
FILES = tuple(f"Image_FileName_{channel}" for channel in CHANNELS)


def bring_tables(to: Path, source: Path | None, mirror: Mirror, ledger: Ledger) -> bool:
    """Put both tables into ``to``: from ``source``, ``CYTOBENCH_DATA`` or the mirror, never over another image set's.

    Returns:
        Whether both are the official ones; from ``source``, and only from there, an image set's own are taken.
    """
    all_official = True
    for name, official in mirror.tables.items():
        given = _find(source, name) if source else None
        if given is not None:
            _copy(_read(given), to / name, given)
            origin = str(given)
        elif (to / name).is_file():
            origin = str(to / name)
            _refuse_another_set(to / name, official, may_be_own=source is not None)
        else:
            origin = _bring_official(to / name, official, mirror, local=source is not None)
        digest = sha256(to / name)
        ledger.enter_table(name, FetchedTable(sha256=digest, official=digest == official, source=origin))
        all_official &= digest == official
    return all_official


def images_by_plate(table: Path) -> dict[str, frozenset[str]]:
    """Return the names of the image files that each plate must have.

    Args:
        table: ``BBBC021_v1_image.csv``, one row a field of view.
    """
    columns = (PLATE, *FILES)
    try:
        fields = pd.read_csv(table, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise CytoBenchError(f"{table}: cannot be read as CSV ({' '.join(str(error).split())})") from None
    for column in columns:
        if column not in fields:
            raise CytoBenchError(f"{table}: has no column {column!r}{nearest(column, fields.columns)}")
    for column, pattern in zip(columns, (FOLDER_NAME, *[r"^[^./\\:][^/\\:]*\.tif$"] * len(FILES)), strict=True):
        bad = ~fields[column].str.fullmatch(pattern.strip("^$"))
        if bad.any():
            raise CytoBenchError(f"{table}: line {int(bad.argmax()) + 2} has {fields[column][bad].iloc[0]!r} as {column}")
    return {str(plate): frozenset(rows[list(FILES)].to_numpy().ravel()) for plate, rows in fields.groupby(PLATE, sort=True)}


def choose(images: Mapping[str, frozenset[str]], plates: Sequence[str], table: Path) -> dict[str, frozenset[str]]:
    """Return the plates asked for."""
    for plate in plates:
        if plate not in images:
            raise CytoBenchError(f"unknown plate {plate!r}{nearest(plate, images)} ({table} names {len(images)} plates)")
    return {plate: images[plate] for plate in plates}


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    try:
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise CytoBenchError(f"{path}: damaged ({error}); bring the table again") from None


def _copy(content: bytes, target: Path, given: Path) -> None:
    if target.is_file() and target.read_bytes() != content:
        raise CytoBenchError(f"{target}: another table than {given}, so of another image set; choose another folder with --to")
    if not target.is_file():
        with replacing(target) as temporary:
            temporary.write_bytes(content)


def _refuse_another_set(table: Path, official: str, *, may_be_own: bool) -> None:
    if not may_be_own and sha256(table) != official:
        raise CytoBenchError(
            f"{table}: not BBBC021's official table, so this folder is another image set's (or the table is damaged); "
            "choose another folder with --to, or remove the table"
        )


def _bring_official(target: Path, official: str, mirror: Mirror, *, local: bool) -> str:
    """Copy the official table from ``CYTOBENCH_DATA`` where files are ``local``, else fetch it; return its origin."""
    data = data_folder() if local else None
    here = _find(data / "bbbc021", target.name) if data else None
    if here is not None and hashlib.sha256(content := _read(here)).hexdigest() == official:
        _copy(content, target, here)
        return str(here)
    if local:
        raise CytoBenchError(
            f"no {target.name}, neither in the folder of --from nor under CYTOBENCH_DATA; put BBBC021's table there"
        )
    url = mirror.address(target.name)
    impatient = mirror.model_copy(update={"tries": min(mirror.tries, 2)})  # a server that is not there at all is said soon
    try:
        retrieve(url, target, official, Downloader(target, impatient, Halt()))
    except ValueError:
        raise CytoBenchError(
            f"{url}: not BBBC021's official table (its sha256 is not {official[:12]}...); nothing of it was kept: "
            "try again, or name another --mirror"
        ) from None
    return url
