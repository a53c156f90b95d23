"""The embedded data set: a simulated screen, drawn on this machine when it is first asked for and prepared as a real one is."""

from __future__ import annotations

import os
import shutil
from importlib.resources import files
from pathlib import Path

from cytobench.datasets.store import CellStore
from cytobench.files import locked, sha256_text
from cytobench.locations import cache_folder
from cytobench.progress import counting

SEED = 0
"""Of the embedded screen; fixed, so that everyone has the same."""

CROP_SIZE = 64
"""Side of its crops in px: a control cell is about 47 px across."""

MAKERS = (
    "cytobench.datasets",
    "cytobench.datasets.simulated",
    "cytobench.datasets.preparation",
    "cytobench.imaging",
    "cytobench_benchmarks.bbbc021_moa",
)
"""The code and the treatments that make the screen and cut its cells: a cached store belongs to what made it."""


def simulated() -> CellStore:
    """The data set ``simulated``: drawn cells of a BBBC021-like screen. Scores on it say nothing of real cells."""
    store = cache_folder() / f"simulated-{_key()}"
    with locked(store.with_suffix(".lock"), str(store), wait=600):
        if not store.exists():
            _make(store)
    return CellStore(store)


def _make(store: Path) -> None:
    """Draw the fields of view, prepare them, and keep only the store."""
    from cytobench.datasets.preparation.prepare import prepare
    from cytobench.datasets.preparation.spec import PreparationSpec
    from cytobench.datasets.simulated import simulate_fields

    folder = store.with_suffix(".making")
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was killed
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with counting("simulate", "plate") as show:
            images = simulate_fields(folder / "images", seed=SEED, workers=workers, progress=show)
        spec = PreparationSpec(crop_size=CROP_SIZE)
        os.rename(prepare(images, folder / "store", spec, name="simulated", workers=workers).path, store)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _key() -> str:
    modules = [file for package in MAKERS for file in files(package).iterdir() if file.name.endswith((".py", ".yaml", ".csv"))]
    return sha256_text(str(SEED), str(CROP_SIZE), *(file.read_text(encoding="utf-8") for file in sorted(modules, key=str)))[:12]
