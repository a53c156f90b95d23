"""From a trained run to one folder that can be given to anybody."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import yaml

from cytobench.checkpoints import find_checkpoint
from cytobench.errors import CytoBenchError
from cytobench.files import creating_folder, replacing, sha256
from cytobench.results.runs import Run
from cytobench.schema import dump_json
from cytobench.sharing.manifest import (
    CARD,
    MANIFEST,
    MAX_BYTES,
    RECIPE,
    RUN,
    SCORES,
    SHORT,
    WEIGHTS,
    CheckpointManifest,
    SharedFile,
    web_address,
)
from cytobench.sharing.verify import verify

FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""Of every member of a zip, so that equal checkpoints give equal archives."""


def export_checkpoint(run: str | Path, to: Path | None = None, *, address: str | None = None, zipped: bool = False) -> Path:
    """Write what others need of a run's weights into a folder, or a ``.zip`` of it, that holds nothing that could run.

    Args:
        run: a run's folder, or the sha256 of a fetched checkpoint.
        to: the folder or archive to make, which must not be there; named after the method and its weights where None.
        address: where it will be published, http or https.
        zipped: make an archive.

    Returns:
        What was made.

    Raises:
        CytoBenchError: where the run has no whole weights, or the address is none.
    """
    found = find_checkpoint(str(run))
    published = None if address is None else web_address(address)
    if address is not None and published is None:
        raise CytoBenchError(f"--address {address!r}: no web address; it begins with https:// or http://")
    name = f"{found.record.method}-{str(found.record.weights_sha256)[:SHORT]}"
    target = to or Path(f"{name}.zip" if zipped else name)
    if not zipped:
        with creating_folder(target) as folder:
            _fill(folder, found, published)
        return target
    if target.exists():
        raise CytoBenchError(f"{target}: already exists; choose another place or remove it first")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".exporting-", dir=target.parent) as staging:
        _fill(Path(staging), found, published)
        _pack(Path(staging), target)
    return target


def _fill(folder: Path, run: Run, address: str | None) -> None:
    record = run.record
    shutil.copyfile(run.path / WEIGHTS, folder / WEIGHTS)
    recipe = {record.recipe_name or "default": record.recipe}
    for name, data in ((RECIPE, recipe), (CARD, record.card.model_dump(mode="json"))):
        (folder / name).write_text(_as_yaml(data), encoding="utf-8")
    (folder / RUN).write_text(dump_json(record), encoding="utf-8")
    if record.status == "finished":
        if not (run.path / SCORES).is_file():
            raise CytoBenchError(f"{run.path / SCORES}: missing; run it again")
        shutil.copyfile(run.path / SCORES, folder / SCORES)
    files = {
        name: SharedFile(sha256=sha256(folder / name), bytes=(folder / name).stat().st_size)
        for name in MAX_BYTES
        if (folder / name).is_file()
    }
    manifest = CheckpointManifest(method=record.method, address=address, files=files)
    (folder / MANIFEST).write_text(dump_json(manifest), encoding="utf-8")
    verify(folder)  # what others would refuse is not handed out


def _as_yaml(data: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
    return text


def _pack(folder: Path, target: Path) -> None:
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.iterdir()):
            member = zipfile.ZipInfo(path.name, FIRST_DAY)
            member.file_size = path.stat().st_size
            with path.open("rb") as file, archive.open(member, "w") as packed:
                shutil.copyfileobj(file, packed, 1 << 20)
