"""Trained weights, found by the folder of a run or an exported checkpoint, or by the sha256 of a fetched one."""

from __future__ import annotations

from pathlib import Path

from cytobench.errors import CytoBenchError
from cytobench.files import sha256
from cytobench.results.runs import Run
from cytobench.sharing.manifest import read_manifest, registered_folder
from cytobench.training.checkpoint import STATE, WEIGHTS, load_state


def find_checkpoint(where: str, *, unfinished: bool = False) -> Run:
    """Return the run whose weights ``where`` names: a run's folder, an exported folder, or the sha256 of a fetched one.

    Args:
        where: names it.
        unfinished: whether the weights of the last good state will do, where training failed or was stopped.

    Raises:
        CytoBenchError: where there is none, or its weights are not as they were written.
    """
    folder = Path(where) if where and Path(where).is_dir() else _fetched(where)
    run = Run.read(folder)
    expected = run.record.weights_sha256
    if expected is None and unfinished and (folder / WEIGHTS).is_file() and (folder / STATE).is_file():
        cells = int(load_state(folder / STATE)["cells"])
        return Run(folder, run.record.model_copy(update={"cells_seen": cells}))
    if expected is None or not (folder / WEIGHTS).is_file():
        raise CytoBenchError(f"{folder}: holds no trained weights ({run.record.label}, {run.record.status})")
    if sha256(folder / WEIGHTS) != expected:
        raise CytoBenchError(f"{folder / WEIGHTS}: not as it was written; train again, or fetch it again")
    return run


def _fetched(where: str) -> Path:
    """The folder of the fetched checkpoint whose weights' sha256 is ``where`` or begins with it."""
    registered = sorted(registered_folder().glob("[!.]*/[!.]*"))
    known = [folder for folder in registered if where and (folder.name.startswith(where) or _is_weights(folder, where))]
    if len(known) != 1:
        raise CytoBenchError(
            f"{where}: no run's folder, and {'no' if not known else 'more than one'} fetched checkpoint of that sha256; "
            "'cytobench checkpoint ls' lists them"
        )
    return known[0]


def _is_weights(folder: Path, where: str) -> bool:
    return where.startswith(folder.name) and read_manifest(folder).weights_sha256.startswith(where)
