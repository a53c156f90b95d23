"""Where a shared checkpoint is taken from: a folder, a zip or a server; nothing but the files of a checkpoint is taken."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from cytobench.datasets.fetching.download import Downloader
from cytobench.datasets.fetching.mirror import Mirror
from cytobench.datasets.fetching.threads import Halt, UnreachableError
from cytobench.datasets.image_file import ZIP_DAMAGE
from cytobench.errors import CytoBenchError
from cytobench.progress import progress_bar
from cytobench.sharing.manifest import MANIFEST, MAX_BYTES, MAX_MANIFEST_BYTES, CheckpointManifest, read_manifest

ARCHIVE = "checkpoint.zip"
"""What a downloaded archive is called until it is unpacked."""

Bring = Callable[[str, Path, int], None]
"""Brings the file of this name to this place; it has at most so many bytes."""


def bring_folder(source: Path, target: Path) -> CheckpointManifest:
    """Copy the files of a checkpoint out of a folder on disk."""

    def bring(name: str, place: Path, most: int) -> None:
        path = source / name
        if not path.is_file():
            hint = "; make a checkpoint of a run with 'cytobench checkpoint export'" if name == MANIFEST else ""
            raise CytoBenchError(f"{path}: no such file{hint}")
        _refuse_more(str(path), path.stat().st_size, most)
        shutil.copyfile(path, place)

    return _bring_all(bring, target)


def bring_zip(source: Path, target: Path) -> CheckpointManifest:
    """Unpack a checkpoint's archive, which holds its plain files and nothing else."""
    try:
        with zipfile.ZipFile(source) as archive:
            members = _plain_members(source, archive.infolist())

            def bring(name: str, place: Path, most: int) -> None:
                if name not in members:
                    raise CytoBenchError(f"{source}: holds no {name}; get it from its source again")
                _refuse_more(f"{source}: {name}", members[name].file_size, most)
                with archive.open(members[name]) as packed, place.open("wb") as file:
                    shutil.copyfileobj(packed, file, 1 << 20)  # zipfile unpacks no more than what is declared

            manifest = _bring_all(bring, target)
    except ZIP_DAMAGE as error:
        raise CytoBenchError(f"{source}: not a whole zip archive ({error}); get it from its source again") from None
    left = sorted(members.keys() - {MANIFEST, *manifest.files})
    if left:
        raise CytoBenchError(f"{source}: its member {left[0]!r} is not named in its checkpoint.json; nothing of it was taken")
    return manifest


def bring_address(url: str, downloads: Path, target: Path, patience: Mirror) -> CheckpointManifest:
    """Download a checkpoint's archive (an address that ends in ``.zip``) or its files.

    Args:
        url: of the archive, of the folder, or of its ``checkpoint.json``.
        downloads: where what has arrived is kept until all has.
        target: the folder to fill.
        patience: how often to try, and how long to wait.
    """
    downloads.mkdir(parents=True, exist_ok=True)
    parts = urlsplit(url)
    if parts.path.lower().endswith(".zip"):
        archive = downloads / ARCHIVE
        _download(url, archive, sum(MAX_BYTES.values()), patience)
        return bring_zip(archive, target)
    folder = parts.path.removesuffix(MANIFEST).rstrip("/")

    def bring(name: str, place: Path, most: int) -> None:
        _download(parts._replace(path=f"{folder}/{name}", fragment="").geturl(), downloads / name, most, patience)
        os.replace(downloads / name, place)

    return _bring_all(bring, target)


def _bring_all(bring: Bring, target: Path) -> CheckpointManifest:
    """Bring the manifest and what it names, the weights last: they are what takes long."""
    bring(MANIFEST, target / MANIFEST, MAX_MANIFEST_BYTES)
    manifest = read_manifest(target)
    for name, file in sorted(manifest.files.items()):
        bring(name, target / name, file.bytes)
    return manifest


def _plain_members(source: Path, members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if member.filename not in (MANIFEST, *MAX_BYTES) or kind not in (0, stat.S_IFREG):
            raise CytoBenchError(
                f"{source}: its member {member.filename!r} is no plain file of a checkpoint; nothing of it was taken: a zip of a "
                "checkpoint is made with 'cytobench checkpoint export --zip'"
            )
    found = {member.filename: member for member in members}
    if len(found) < len(members):
        raise CytoBenchError(f"{source}: holds a file twice; get it from its source again")
    return found


def _download(url: str, place: Path, most: int, patience: Mirror) -> None:
    """Download a file of at most ``most`` bytes, going on where an earlier call broke off."""
    arrived = 0
    with progress_bar(None, f"downloading {place.name}", "B") as bar:
        bar.unit_scale = True

        def count(more: int) -> None:
            nonlocal arrived
            arrived += more
            bar.update(more)
            _refuse_more(url, arrived, most)

        try:
            Downloader(place, patience, Halt(), count)(url, str(place), None)
        except CytoBenchError as error:  # its advice is for BBBC021: there are no mirrors of a checkpoint
            what, _, advice = str(error).rpartition("; ")
            if "--mirror" not in advice:
                raise
            raise type(error)(f"{what}; {_advice(error)}") from None


def _advice(error: CytoBenchError) -> str:
    if isinstance(error, UnreachableError):
        return "what has arrived is kept and the same command continues: check the network and the address"
    return "check the address: that of a .zip, or of a folder with checkpoint.json"


def _refuse_more(what: str, size: int, most: int) -> None:
    if size > most:
        raise CytoBenchError(
            f"{what}: has {size:,} bytes or more, but a checkpoint's file of that name has {most:,} at most here"
        )
