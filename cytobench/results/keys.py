"""Three chained keys: what was trained, what was embedded with it, what was scored of that.

A new protocol version changes only the last, so it re-scores and does not retrain.
"""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from pathlib import Path

from cytobench.files import sha256_text
from cytobench.results.provenance import installed_version
from cytobench.schema import Record

DECISIVE_MODULES = ("cytobench.datasets.batches", "cytobench.training.trainer", "cytobench.training.networks")
"""Modules of the suite that decide what a method becomes, beside its own source."""


class Keys(Record):
    """Hexadecimal sha256 each."""

    train: str
    embed: str
    score: str


def chained(train: str, data: str, benchmark: str) -> Keys:
    """Chain a training key with the evaluated data's identity and the benchmark's ``name/version``."""
    embed = sha256_text(train, data)
    return Keys(train=train, embed=embed, score=sha256_text(embed, benchmark))


def train_key(method: type, recipe: Record, channels: tuple[str, ...], size: int, seed: int, training_data: str) -> str:
    """Return the key of a trained method; ``training_data`` is the store's identity, or ``"untrained"``."""
    configuration = json.dumps([recipe.model_dump(mode="json"), channels, size, seed], sort_keys=True)
    return sha256_text(source_of(method), configuration, training_data, installed_version("torch"), installed_version("timm"))


def source_of(method: type) -> str:
    """The source of a method: its module, its base classes, and the suite's modules that decide what it becomes."""
    parts = [Path(inspect.getfile(method)).read_text(encoding="utf-8")]
    for base in method.__mro__[1:]:
        if base.__module__.split(".")[0] not in {"builtins", "abc", "torch"}:
            parts.append(inspect.getsource(base))
    parts += [Path(str(import_module(name).__file__)).read_text(encoding="utf-8") for name in DECISIVE_MODULES]
    return "\n".join(parts)
