"""Is there room for it?"""

from __future__ import annotations

import shutil
from pathlib import Path

from cytobench.errors import CytoBenchError


def require_space(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin what would fill the disk.

    Args:
        folder: where the files go; it need not be there yet.
        needed: bytes.
        what: the files.
    """
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise CytoBenchError(
            f"{folder}: {what} need {gigabytes(needed)}, but only {gigabytes(free)} are free there; "
            "free some space, name fewer --plates, or choose another folder with --to"
        )


def gigabytes(size: int) -> str:
    """Write a number of bytes for people."""
    return f"{size / 1e9:,.1f} GB" if size >= 5e7 else f"{size / 1e6:,.1f} MB"
