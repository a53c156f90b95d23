"""Where data lie: ``CYTOBENCH_DATA`` for what was brought here, a cache for what is made or fetched."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from cytobench.errors import CytoBenchError


def data_folder() -> Path | None:
    """Return the folder that ``CYTOBENCH_DATA`` names, or None where it is not set."""
    named = os.environ.get("CYTOBENCH_DATA")
    if not named:
        return None
    if not Path(named).is_dir():
        raise CytoBenchError(f"CYTOBENCH_DATA names {named}, which is not a folder; correct or unset it")
    return Path(named)


def cache_folder() -> Path:
    """Return the folder for data made or fetched here: ``CYTOBENCH_CACHE`` or the user's cache."""
    return Path(os.environ.get("CYTOBENCH_CACHE") or platformdirs.user_cache_dir("cytobench"))
