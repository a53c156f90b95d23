"""Open a data set by its registered name or its path."""

from __future__ import annotations

from pathlib import Path

from cytobench import registry
from cytobench.datasets.manifest import WORK
from cytobench.datasets.profile_table import ProfileTable
from cytobench.datasets.store import CellStore, what_is_missing
from cytobench.errors import CytoBenchError, nearest

Dataset = CellStore | ProfileTable
"""What can be scored: cells to embed, or profiles embedded elsewhere."""


def open_dataset(name_or_path: str | Path) -> Dataset:
    """Return the registered data set of that name, the store in that folder, or the profile table in that file."""
    known = registry.datasets()
    if str(name_or_path) in known:
        opened: Dataset = known[str(name_or_path)].load()()
        return opened
    path = Path(name_or_path)
    if path.is_dir() and not (path / "store.json").is_file():
        if (path / WORK).is_dir():
            raise CytoBenchError(f"{path}: {what_is_missing(path)}")
        raise CytoBenchError(f"{path}: neither a cell store (it has no store.json) nor a run (it has no run.json)")
    if path.is_dir():
        return CellStore(path)
    if path.is_file():
        return ProfileTable.read(path)
    raise CytoBenchError(
        f"no data set is named {str(name_or_path)!r} and no file or folder is there{nearest(str(name_or_path), known)} "
        "('cytobench ls datasets' lists them)"
    )
