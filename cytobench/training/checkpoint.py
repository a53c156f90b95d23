"""Checkpoints: the weights that are evaluated and shared, and the state that training goes on from.

Weights are safetensors and the state is read with ``weights_only=True``, so that loading a stranger's checkpoint runs nothing.
"""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model

from cytobench.errors import CytoBenchError
from cytobench.files import replacing
from cytobench.method import TrainableMethod

WEIGHTS, STATE, PREVIOUS_STATE = "weights.safetensors", "training_state.pt", "training_state.previous.pt"
"""Files of a run's folder."""


def save_weights(method: TrainableMethod, path: Path) -> None:
    """Write a method's parameters and buffers atomically."""
    with _needing_room(path), replacing(path) as temporary:
        save_model(method, str(temporary))


def load_weights(method: TrainableMethod, path: Path) -> None:
    """Read them back into a method of the same recipe.

    Raises:
        CytoBenchError: where the file is damaged, or made by another architecture (naming the keys).
    """
    try:
        load_model(method, str(path), strict=True)
    except FileNotFoundError:
        raise CytoBenchError(f"{path}: no such file") from None
    except SafetensorError as error:
        raise CytoBenchError(f"{path}: not a whole safetensors file ({error})") from None
    except RuntimeError as error:
        raise CytoBenchError(f"{path}: weights of another architecture ({' '.join(str(error).split())[:300]})") from None


def save_state(state: dict[str, Any], folder: Path) -> Path:
    """Write all that is needed to go on as ``training_state.pt``, keeping the one before beside it."""
    path = folder / STATE
    with _needing_room(path), replacing(path) as temporary:
        torch.save(state, temporary)
        if path.exists():
            os.replace(path, folder / PREVIOUS_STATE)
    return path


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state without running anything in it.

    Raises:
        CytoBenchError: where the file is damaged, holds anything but tensors and plain values, or is no training state.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch itself reads over changed bytes
        if damaged is not None:
            raise zipfile.BadZipFile(f"{damaged} is not as it was written")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CytoBenchError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise CytoBenchError(f"{path}: not a whole training state ({error}); train again, or take another checkpoint") from None
    except pickle.UnpicklingError:
        raise CytoBenchError(
            f"{path}: holds code and not only numbers, and was not loaded; do not trust where it came from"
        ) from None
    if not isinstance(state, dict) or "step" not in state or "facts" not in state:
        raise CytoBenchError(f"{path}: not a training state of CytoBench; take the training_state.pt of a run's folder")
    return state


def latest_state(folder: Path) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the newest whole training state of a folder, None where there is none, and what is wrong with newer ones."""
    wrong: list[str] = []
    for name in (STATE, PREVIOUS_STATE):
        if (folder / name).is_file():
            try:
                return load_state(folder / name), wrong
            except CytoBenchError as error:
                wrong.append(str(error))
    return None, wrong


def refuse_other_facts(theirs: str, ours: dict[str, Any], where: str, leave_out: tuple[str, ...] = ()) -> None:
    """Refuse a state that was made for another recipe, architecture or data set, naming what differs.

    Args:
        theirs: the facts of the state, as JSON.
        ours: the facts of this training.
        where: names the state.
        leave_out: top-level keys, and keys of the recipe, that may differ.
    """
    there, here = _flat(json.loads(theirs)), _flat(json.loads(json.dumps(ours)))
    left_out = {*leave_out, *(f"recipe.{key}" for key in leave_out)}
    differing = [
        f"{key} is {there.get(key, 'not set')!r} there and {here.get(key, 'not set')!r} here"
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key) and not any(key == left or key.startswith(f"{left}.") for left in left_out)
    ]
    if differing:
        more = f"; and {len(differing) - 6} more" if len(differing) > 6 else ""
        raise CytoBenchError(f"{where} is a checkpoint of another training: {'; '.join(differing[:6])}{more}")


def _flat(data: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(data, dict):
        return {prefix: data}
    parts = [_flat(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in data.items()]
    return {key: value for part in parts for key, value in part.items()}


@contextmanager
def _needing_room(path: Path) -> Iterator[None]:
    """Turn a failed write into one sentence; what was saved before stays."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        raise CytoBenchError(
            f"{path} could not be written ({' '.join(str(error).split())[:200]}); what was saved before is kept: "
            "make room and run it again"
        ) from None
