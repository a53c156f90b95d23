"""Bring a shared checkpoint here, verify it, and register it under its weights' sha256."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cytobench.datasets.fetching.mirror import Mirror
from cytobench.datasets.fetching.threads import UnreachableError
from cytobench.errors import CytoBenchError
from cytobench.files import locked, sha256_text, write_text
from cytobench.locations import cache_folder
from cytobench.schema import Record, dump_json
from cytobench.sharing.manifest import MANIFEST, SHORT, CheckpointManifest, read_manifest, registered_folder, web_address
from cytobench.sharing.sources import ARCHIVE, bring_address, bring_folder, bring_zip
from cytobench.sharing.verify import verify


class FetchedCheckpoint(Record):
    """A checkpoint that is registered here."""

    method: str
    sha256: str
    """Of its weights."""
    dataset: str
    """That its run was scored on or made for."""
    cells_seen: int
    address: str | None
    folder: str
    state: str = "whole"


def fetch_checkpoint(source: str, *, patience: Mirror | None = None) -> FetchedCheckpoint:
    """Verify a shared checkpoint and register it; one that is here already is not registered twice.

    Args:
        source: a folder, a ``.zip`` of it, or the http(s) address of either.
        patience: with a server.

    Raises:
        CytoBenchError: naming the file that is missing, damaged, or none of a checkpoint; nothing is registered then.
    """
    address, downloads = web_address(source), cache_folder() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=downloads) as staging:
        folder = Path(staging) / "checkpoint"
        folder.mkdir()
        with _naming(address or source, folder):
            if address is None:
                _bring_from_disk(source, folder)
            else:
                _bring_from_server(source, downloads, folder, patience or Mirror())
            manifest, _ = verify(folder)
        return _register(folder, manifest.model_copy(update={"address": address or manifest.address}))


def fetched_checkpoints() -> list[FetchedCheckpoint]:
    """Return the checkpoints that are registered here; of one that is damaged only what is wrong."""
    found = []
    for folder in sorted(registered_folder().glob("[!.]*/[!.]*")):
        try:
            found.append(_describe(folder))
        except CytoBenchError as error:
            unknown = {"method": folder.parent.name, "sha256": folder.name, "dataset": "-", "cells_seen": 0, "address": None}
            found.append(FetchedCheckpoint(**unknown, folder=str(folder), state=f"damaged: {error}"))
    return found


@contextmanager
def _naming(source: str, folder: Path) -> Iterator[None]:
    """Name the source in errors: the folder where its files were put to be looked at means nothing to the user."""
    try:
        yield
    except CytoBenchError as error:
        raise type(error)(str(error).replace(f"{folder}{os.sep}", f"{source}: ")) from None


def _bring_from_disk(source: str, folder: Path) -> None:
    path = Path(source)
    if not source or not path.exists():
        raise CytoBenchError(f"{source or 'nothing'}: no such folder or file, and no http(s) address")
    if path.is_dir() or path.name == MANIFEST:
        bring_folder(path if path.is_dir() else path.parent, folder)
    else:
        bring_zip(path, folder)


def _bring_from_server(url: str, downloads: Path, folder: Path, patience: Mirror) -> None:
    """Download; what has arrived is kept only where the server may give the rest later."""
    kept = downloads / sha256_text(url)[:SHORT]
    with locked(downloads / f".{kept.name}.lock", f"the download of {web_address(url)}"):
        try:
            bring_address(url, kept, folder, patience)
        except UnreachableError:
            raise
        except CytoBenchError as error:
            shutil.rmtree(kept, ignore_errors=True)
            raise CytoBenchError(str(error).replace(str(kept / ARCHIVE), url)) from None
        shutil.rmtree(kept, ignore_errors=True)


def _register(folder: Path, manifest: CheckpointManifest) -> FetchedCheckpoint:
    name = manifest.weights_sha256[:SHORT]
    target = registered_folder() / manifest.method / name
    with locked(target.with_name(f".{name}.lock"), f"the checkpoint {target}", wait=10):
        there = _whole_one(target)
        if there is None:
            shutil.rmtree(target, ignore_errors=True)  # damaged since it was fetched
            write_text(folder / MANIFEST, dump_json(manifest))
            os.rename(folder, target)
        elif there.files != manifest.files:
            raise CytoBenchError(
                f"{target}: holds the same weights with other files beside them (another run.json, scores or recipe); remove "
                "that folder first to have this one"
            )
        elif manifest.address not in (None, there.address):
            write_text(target / MANIFEST, dump_json(manifest))
    return _describe(target)


def _whole_one(target: Path) -> CheckpointManifest | None:
    try:
        return verify(target)[0]
    except CytoBenchError:
        return None


def _describe(folder: Path) -> FetchedCheckpoint:
    from cytobench.results.runs import Run

    manifest, record = read_manifest(folder), Run.read(folder).record
    return FetchedCheckpoint(
        method=manifest.method,
        sha256=manifest.weights_sha256,
        dataset=record.dataset,
        cells_seen=record.cells_seen,
        address=manifest.address,
        folder=str(folder),
    )
