"""Checkpoints: found among runs and fetched ones, and fit for what is to be done with them."""

from __future__ import annotations

import json
from pathlib import Path

from cytobench.errors import CytoBenchError
from cytobench.files import sha256
from cytobench.progress import note
from cytobench.results.record import Origin
from cytobench.results.runs import Run
from cytobench.sharing.manifest import MANIFEST, read_manifest, registered_folder
from cytobench.training.checkpoint import WEIGHTS, refuse_other_facts
from cytobench.training.recipe import Recipe


def find_checkpoint(where: str) -> Run:
    """Return the run whose weights ``where`` names: a run's folder, an exported folder, or the sha256 of a fetched one.

    Raises:
        CytoBenchError: where there is none, or its weights are not as they were written.
    """
    folder = Path(where) if where and Path(where).is_dir() else _fetched(where)
    run = Run.read(folder)
    expected = run.record.weights_sha256
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


def origin_of(where: str, method: str, *, trained_further: bool) -> tuple[Origin, Run]:
    """Say where a run of ``method`` begins, and return the run that made those weights."""
    run = find_checkpoint(where)
    if run.record.method != method:
        raise CytoBenchError(f"{where} is a checkpoint of {run.record.method}, not of {method}")
    origin = Origin(
        weights_sha256=str(run.record.weights_sha256),
        where=where,
        address=read_manifest(run.path).address if (run.path / MANIFEST).is_file() else None,
        trained_further=trained_further,
        cells_seen=run.record.cells_seen,
        channels=run.record.channels,
        conditions=run.record.conditions,
    )
    return origin, run


def refuse_other_channels(origin: Origin, channels: tuple[str, ...]) -> None:
    """Refuse cells whose channels are others than those that a checkpoint was trained on, or come in another order."""
    trained = f"{origin.where} was trained on the channels {', '.join(origin.channels)}"
    if len(channels) != len(origin.channels) or (channels != origin.channels and set(channels) == set(origin.channels)):
        raise CytoBenchError(
            f"{trained}, but these cells have {', '.join(channels)}; take cells with those channels in that order"
        )
    if channels != origin.channels:
        note(f"{trained}, and now sees {', '.join(channels)}")


def refuse_other_recipe(origin: Origin, theirs: Recipe, ours: Recipe) -> None:
    """Refuse to train on from a checkpoint under a recipe that makes another network, naming the keys that differ."""
    parts = ("input", "condition", "options")
    there, here = (recipe.model_dump(mode="json", include=set(parts)) for recipe in (theirs, ours))
    there["optimizer"], here["optimizer"] = sorted(theirs.optimizer), sorted(ours.optimizer)
    refuse_other_facts(json.dumps(there), here, origin.where)
