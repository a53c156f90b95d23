"""Pretrained weights into a backbone: every tensor accounted for, or a sentence that says which are not."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cytobench.errors import CytoBenchError
from cytobench.progress import note
from cytobench.training.backbones import import_timm
from cytobench.training.keymap import renamed
from cytobench.training.weight_files import read_weights

AUXILIARY = ("AuxLogits.",)
"""A classifier of Inception's that timm does not list as one: it helps training, and no feature passes through it."""

COUNTER = "num_batches_tracked"
"""A count that batch norm keeps in training alone; checkpoints before torch 0.4.1 have none."""

NAMED = 3
"""Keys of each kind that an error names."""


def load_pretrained(network: nn.Module, path: Path, *, keymap: Path | None = None, strict: bool = True) -> None:
    """Load the weights of a file into a backbone made by :func:`~cytobench.training.backbones.make_backbone`.

    The classifier's are left aside, and a first convolution of three channels is adapted to the backbone's number by timm's rule.

    Args:
        network: the backbone.
        path: a safetensors file or a torch checkpoint.
        keymap: how its keys become the backbone's.
        strict: refuse where a tensor is missing, superfluous or of another shape; else say so in a note.

    Raises:
        CytoBenchError: where the file does not read, does not fit, or fits in nothing.
    """
    weights = read_weights(path)
    if keymap is not None:
        weights = renamed(weights, keymap)
    weights = _without_classifier(_as_timm_reads(network, weights), network)
    expected = network.state_dict()
    _adapt_first_convolution(network, weights, expected)
    fitting = {key: value for key, value in weights.items() if key in expected and value.shape == expected[key].shape}
    said = _differences(weights, expected)
    if not any(not key.endswith(COUNTER) for key in fitting):
        raise CytoBenchError(f"{path}: no tensor of it fits the backbone: {said}; name another backbone, settings or keymap")
    if said and strict:
        raise CytoBenchError(
            f"{path}: does not fit the backbone: {said}; these are likely the weights of another backbone, so correct backbone, "
            "settings or keymap (-o strict=false would leave what does not fit with random weights)"
        )
    if said:
        note(f"{path} does not wholly fit the backbone, and what does not keeps random weights: {said}")
    network.load_state_dict(fitting, strict=False)


def _as_timm_reads(network: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Where they do not fit, convert published weights as timm does: their keys, the number of their position embeddings."""
    convert: Any = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    expected = network.state_dict()
    if convert is None or all(key in weights and weights[key].shape == value.shape for key, value in expected.items()):
        return weights
    try:
        return dict(convert(dict(weights), network))
    except (KeyError, ValueError, RuntimeError, TypeError, IndexError, AttributeError, AssertionError):
        return weights  # not weights that it knows; the comparison of keys says what they are


def _without_classifier(weights: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    named = network.pretrained_cfg.get("classifier") or ()  # type: ignore[union-attr, operator]
    prefixes = tuple(f"{name}." for name in ([named] if isinstance(named, str) else named)) + AUXILIARY
    expected = network.state_dict()
    return {key: value for key, value in weights.items() if key in expected or not key.startswith(prefixes)}


def _adapt_first_convolution(network: nn.Module, weights: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    named = network.pretrained_cfg.get("first_conv") or ()  # type: ignore[union-attr, operator]
    for name in [named] if isinstance(named, str) else named:
        given, wanted = weights.get(f"{name}.weight"), expected.get(f"{name}.weight")
        if given is None or wanted is None or given.ndim != 4 or given.shape == wanted.shape or given.shape[1] != 3:
            continue
        weights[f"{name}.weight"] = import_timm().models.adapt_input_conv(wanted.shape[1], given)


def _differences(weights: dict[str, Tensor], expected: dict[str, Tensor]) -> str:
    missing = [key for key in expected if key not in weights and not key.endswith(COUNTER)]
    superfluous = [key for key in weights if key not in expected]
    other = [
        f"{key} {tuple(weights[key].shape)} for {tuple(expected[key].shape)}"
        for key in expected
        if key in weights and weights[key].shape != expected[key].shape
    ]
    kinds = {"missing": missing, "not known to it": superfluous, "of another shape": other}
    return "; ".join(f"{len(keys)} {kind} ({_some(keys)})" for kind, keys in kinds.items() if keys)


def _some(keys: Iterable[str]) -> str:
    listed = list(keys)
    return ", ".join(listed[:NAMED]) + (", ..." if len(listed) > NAMED else "")
