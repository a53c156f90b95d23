"""The embedded data set: a simulated screen, made on this machine when it is first asked for."""

from __future__ import annotations

from importlib.resources import files

from cytobench.datasets.locations import cache_folder
from cytobench.datasets.store import CellStore
from cytobench.files import locked, sha256_text
from cytobench.progress import progress_bar

SEED = 0
"""Of the embedded screen; fixed, so that everyone has the same."""


def simulated() -> CellStore:
    """The data set ``simulated``: drawn cells of a BBBC021-like screen. Scores on it say nothing of real cells."""
    from cytobench.datasets.simulated import read_parameters, simulate

    key = sha256_text(str(SEED), read_parameters().sha256, *_sources())[:12]
    store = cache_folder() / f"simulated-{key}"
    with locked(store.with_suffix(".lock"), str(store), wait=600):
        if not store.exists():
            with progress_bar(None, "simulate", "plate") as bar:

                def show(done: int, total: int) -> None:
                    bar.total = total
                    bar.update(done - bar.n)

                return simulate(store, seed=SEED, progress=show)
    return CellStore(store)


def _sources() -> list[str]:
    """The code that draws the screen: a cached screen belongs to the code that drew it."""
    modules = [module for module in files("cytobench.datasets.simulated").iterdir() if module.name.endswith(".py")]
    return [module.read_text(encoding="utf-8") for module in sorted(modules, key=lambda module: module.name)]
