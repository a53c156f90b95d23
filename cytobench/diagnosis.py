"""Is this installation able to do what it should?"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.locations import cache_folder, data_folder
from cytobench.results.provenance import provenance


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    subject: str
    ok: bool
    text: str


def diagnose() -> list[Finding]:
    """Look at the machine, the packages, the registry and the places where data lie."""
    import torch  # noqa: F401  # so that the accelerator is seen

    return [_look(subject, look) for subject, look in LOOKS.items()]


def _look(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, look())
    except CytoBenchError as error:
        return Finding(subject, False, str(error))


def _machine() -> str:
    here = provenance()
    return f"{here.processor}, {here.cores} cores, {here.memory_bytes / 2**30:.0f} GiB, {here.accelerator or 'no CUDA device'}"


def _packages() -> str:
    return ", ".join(f"{name} {version}" for name, version in provenance().versions.items())


def _methods() -> str:
    found, broken = registry.scan_methods()
    if broken:
        raise CytoBenchError(next(iter(broken.values())))
    return ", ".join(f"{name} (not installed)" if entry.missing else name for name, entry in found.items())


def _data() -> str:
    return str(data_folder() or "not set; only the embedded data set is here")


def _cache() -> str:
    folder = cache_folder()
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    if not parent.is_dir():
        raise CytoBenchError(f"{parent} is a file; set CYTOBENCH_CACHE to a folder")
    if not os.access(parent, os.W_OK):
        raise CytoBenchError(f"{folder} cannot be written; set CYTOBENCH_CACHE to a folder that can")
    return str(folder)


LOOKS: dict[str, Callable[[], str]] = {
    "machine": _machine,
    "packages": _packages,
    "methods": _methods,
    "CYTOBENCH_DATA": _data,
    "cache": _cache,
}
"""What is looked at, in order."""
