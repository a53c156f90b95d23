"""Files of weights: where they are, what they hold, and that reading a stranger's runs nothing."""

from __future__ import annotations

import argparse
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from cytobench.errors import CytoBenchError
from cytobench.files import sha256
from cytobench.locations import data_folder
from cytobench.training.backbones import reason_of

NESTS = ("state_dict_ema", "model_ema", "state_dict", "model", "model_state_dict", "teacher", "net", "network")
"""Keys under which checkpoints keep the weights, in timm's order of preference: averaged ones first."""

WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes that parallel training and ``torch.compile`` leave on every key."""


FOREIGN = re.compile(r"unsupported global:? (?:global )?([\w.]+)", re.IGNORECASE)
"""Where torch names what it will not make; the rest of its message says how to run it all the same."""

STRANGE_BYTES = "its bytes are none that torch.save writes"
"""The reason where torch has none but a number of its own."""


def find_file(named: str, what: str) -> Path:
    """Return a file given by its path; a relative one is looked up in the working directory, then under ``CYTOBENCH_DATA``."""
    path, data = Path(named).expanduser(), data_folder()
    places = [path] if path.is_absolute() or data is None else [path, data / path]
    for place in places:
        if place.is_file():
            return place
    folders = [place for place in places if place.is_dir()]
    if folders:
        raise CytoBenchError(f"{folders[0]}: is a folder; give the file in it that holds {what}")
    if path.is_absolute():
        raise CytoBenchError(f"{path}: no such file; give the one that holds {what}")
    elsewhere = "; CYTOBENCH_DATA is not set" if data is None else f", nor {data / path}"
    raise CytoBenchError(
        f"{path}: no such file{elsewhere}; a relative path is looked up from the working directory and under CYTOBENCH_DATA"
    )


def check_sha256(path: Path, pinned: str | None) -> None:
    """Refuse a file other than the one that a recipe pins."""
    if pinned is not None and (found := sha256(path)) != pinned:
        raise CytoBenchError(
            f"{path}: its sha256 is {found}, and weights_sha256 says {pinned}; fetch it again, or for other weights set "
            "-o weights_sha256=null"
        )


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file or a torch checkpoint by their keys, those of wrappers removed.

    Raises:
        CytoBenchError: where it is neither, is damaged, has one key twice but for wrappers, or holds anything whose reading could
            run code.
    """
    with path.open("rb") as file:
        start = file.read(64)
    _refuse_text(path, start)
    content = _read_safetensors(path) if start[8:9] == b"{" else _read_checkpoint(path)
    nest = next((key for key in NESTS if isinstance(content.get(key), Mapping)), None)
    weights = {str(key): value for key, value in (content[nest] if nest else content).items() if isinstance(value, Tensor)}
    if not weights:
        held = ", ".join(map(str, list(content)[:5])) or "nothing"
        raise CytoBenchError(f"{path}: holds no weights, but {held}; give a file of tensors, or one with a state_dict")
    sources: dict[str, str] = {}
    for key in weights:
        if (other := sources.setdefault(_unwrapped(key), key)) != key:
            raise CytoBenchError(f"{path}: holds both {other} and {key}, which name one tensor; give a file with one of them")
    return {key: weights[source] for key, source in sources.items()}


def _refuse_text(path: Path, start: bytes) -> None:
    if not start:
        raise CytoBenchError(f"{path}: is empty; fetch it again")
    if start.lstrip().startswith(b"<"):
        raise CytoBenchError(f"{path}: is a web page, not weights; open its address in a browser to see why, and fetch the file")
    if start.startswith(b"version https://git-lfs"):
        raise CytoBenchError(f"{path}: is a Git LFS pointer, not weights; fetch the file that it points to with 'git lfs pull'")


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path, device="cpu"))
    except SafetensorError as error:
        raise CytoBenchError(f"{path}: not a whole safetensors file ({reason_of(error)}); fetch it again") from None


def _read_checkpoint(path: Path) -> Mapping[str, Any]:
    try:
        with _harmless():
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CytoBenchError(f"{path}: {_refusal(str(error))}") from None
    except Exception as error:  # what bytes that are no checkpoint do to the reader is not to be foreseen
        reason = reason_of(error) if isinstance(error, RuntimeError | EOFError | OSError) and str(error) else STRANGE_BYTES
        raise CytoBenchError(f"{path}: not a whole torch checkpoint ({reason}); fetch it again") from None
    if isinstance(content, Mapping):
        return content
    raise CytoBenchError(f"{path}: holds a {type(content).__name__}, not weights by name; save the model's state_dict")


def _refusal(message: str) -> str:
    """Say what torch's message on a pickle comes to, without its advice to read the file unsafely."""
    said = message.partition("WeightsUnpickler error:")[2].partition("Check the documentation")[0].strip()
    named = FOREIGN.search(message)
    if named is None and (not said or said.startswith("Unsupported operand")):
        return f"not a whole torch checkpoint ({STRANGE_BYTES}); fetch it again"
    reason = f"it holds {named.group(1)}" if named else reason_of(said)
    return (
        f"refused, for it is damaged or holds more than weights, which could run code ({reason}); "
        "fetch it again, or where it is trusted save its state_dict as safetensors"
    )


@contextmanager
def _harmless() -> Iterator[None]:
    """Let checkpoints hold, beside tensors, the numbers and settings of their training: classes that only hold values."""
    kinds: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        argparse.Namespace,
        np.dtype,
        _numpy_scalar,
        _numpy_scalar_2,
    ]
    kinds += [np.dtypes.Float64DType, np.dtypes.Float32DType, np.dtypes.Int64DType]
    with torch.serialization.safe_globals(kinds), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the pickle is of another protocol: what is wrong is said below
        yield


def _numpy_scalar(dtype: np.dtype, value: bytes) -> np.generic:
    """Read a number as NumPy pickles it."""
    return np.frombuffer(value, dtype)[0]


def _numpy_scalar_2(dtype: np.dtype, value: bytes) -> np.generic:
    return _numpy_scalar(dtype, value)


for _function, _home in ((_numpy_scalar, "numpy.core.multiarray"), (_numpy_scalar_2, "numpy._core.multiarray")):
    # torch compares names: this is what NumPy 1 and 2 call theirs
    _function.__module__, _function.__name__, _function.__qualname__ = _home, "scalar", "scalar"


def _unwrapped(key: str) -> str:
    while wrapper := next((prefix for prefix in WRAPPERS if key.startswith(prefix)), None):
        key = key.removeprefix(wrapper)
    return key
