"""Weights on disk: safetensors only, so that loading a stranger's checkpoint runs nothing."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_model, save_model

from cytobench.errors import CytoBenchError
from cytobench.files import replacing
from cytobench.method import TrainableMethod


def save_weights(method: TrainableMethod, path: Path) -> None:
    """Write a method's parameters and buffers atomically."""
    with replacing(path) as temporary:
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
