"""``checkpoint.json``: what a shared checkpoint consists of."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, field_validator

from cytobench.card import METHOD_NAME
from cytobench.errors import CytoBenchError
from cytobench.locations import cache_folder
from cytobench.schema import Record, load_json

MANIFEST, WEIGHTS, RECIPE, CARD, RUN, SCORES = (
    "checkpoint.json", "weights.safetensors", "recipe.yaml", "card.yaml", "run.json", "scores.json"
)  # fmt: skip
"""The files of a shared checkpoint; SCORES only where its run is scored."""
MAX_BYTES = {WEIGHTS: 16 * 2**30, RECIPE: 2**16, CARD: 2**16, RUN: 2**22, SCORES: 2**24}
"""More than any method needs; whoever declares more has something else in mind."""
MAX_MANIFEST_BYTES = 2**18
DIGEST = r"^[0-9a-f]{64}$"
SHORT = 12
"""Characters of the weights' sha256 that name a fetched checkpoint."""


class SharedFile(Record):
    """What a file must be."""

    sha256: str = Field(pattern=DIGEST)
    bytes: int = Field(gt=0)


class CheckpointManifest(Record):
    """The contents of ``checkpoint.json``."""

    schema_version: Literal[1] = 1
    method: str = Field(pattern=METHOD_NAME)
    address: str | None = None
    """Where the checkpoint is published; http or https."""
    files: dict[str, SharedFile]

    @field_validator("address")
    @classmethod
    def _is_web_address(cls, address: str | None) -> str | None:
        if address is not None and web_address(address) is None:
            raise ValueError("an address begins with https:// or http://")
        return address

    @field_validator("files")
    @classmethod
    def _are_the_files_of_a_checkpoint(cls, files: dict[str, SharedFile]) -> dict[str, SharedFile]:
        for name, file in files.items():
            if name not in MAX_BYTES:
                raise ValueError(f"{name!r} is no file of a checkpoint, which has {', '.join(MAX_BYTES)}")
            if file.bytes > MAX_BYTES[name]:
                raise ValueError(f"{name} would have {file.bytes:,} bytes, more than any checkpoint needs ({MAX_BYTES[name]:,})")
        missing = [name for name in MAX_BYTES if name not in files and name != SCORES]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
        return files

    @property
    def weights_sha256(self) -> str:
        """What identifies the checkpoint."""
        return self.files[WEIGHTS].sha256


def read_manifest(folder: Path) -> CheckpointManifest:
    """Read the ``checkpoint.json`` of a folder."""
    path = folder / MANIFEST
    if not path.is_file():
        raise CytoBenchError(
            f"{folder}: no shared checkpoint (it has no {MANIFEST}); make one with 'cytobench checkpoint export'"
        )
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise CytoBenchError(f"{path}: too large for a checkpoint's manifest ({path.stat().st_size:,} bytes)")
    try:
        return load_json(CheckpointManifest, path)
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, brackets in brackets without end
        raise CytoBenchError(f"{path}: not a checkpoint's manifest ({type(error).__name__})") from None


def registered_folder() -> Path:
    """Where fetched checkpoints are kept: ``<method>/<first characters of the weights' sha256>/``."""
    return cache_folder() / "checkpoints"


def web_address(text: str) -> str | None:
    """Return an http(s) address without user, password and fragment, its unusual characters quoted; None for anything else."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = quote(host, safe="[]:.-") + (f":{port}" if port else "")
    return urlunsplit((parts.scheme, place, quote(parts.path, safe="/%:@~+,;=!$&"), quote(parts.query, safe="/%:@~+,;=?&"), ""))
