"""Three chained keys: what was trained, what was embedded with it, what was scored of that.

A new protocol version changes only the last, so it re-scores and does not retrain.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from cytobench.files import sha256_text
from cytobench.plugin import PLUGIN_MODULE
from cytobench.schema import Record
from cytobench.versions import installed_version

MAKING = (
    "cytobench.datasets.batches",
    "cytobench.datasets.conditions",
    "cytobench.datasets.layout",
    "cytobench.datasets.samplers",
    "cytobench.datasets.selection",
    "cytobench.fitting",
    "cytobench.scoring.realism",
    "cytobench.training.adversarial",
    "cytobench.training.augmentation",
    "cytobench.training.backbones",
    "cytobench.training.course",
    "cytobench.training.evaluator",
    "cytobench.training.keymap",
    "cytobench.training.mobilenet",
    "cytobench.training.networks",
    "cytobench.training.pretrained",
    "cytobench.training.processes",
    "cytobench.training.reconstruction",
    "cytobench.training.recipe",
    "cytobench.training.settings",
    "cytobench.training.trainer",
    "cytobench.training.transfer",
    "cytobench.training.updates",
    "cytobench.training.weight_files",
    "cytobench.watching",
)
"""Modules of the suite that decide what a method becomes, beside its own source."""

EMBEDDING = (
    "cytobench.embedding.checks",
    "cytobench.embedding.embed",
    "cytobench.embedding.forward",
    "cytobench.embedding.parts",
    "cytobench.profiling.aggregate",
)
"""Modules of the suite that decide what profiles a method gives."""

MASKING = (
    "cytobench.imaging.background",
    "cytobench.imaging.blocks",
    "cytobench.imaging.crop_masks",
    "cytobench.imaging.cropping",
    "cytobench.imaging.pieces",
    "cytobench.imaging.segmentation",
    "cytobench.imaging.watershed",
)
"""Modules of the suite that decide the masks of a store that has none."""

MASKED_BY = ("scikit-image", "scipy")
"""Distributions that do."""


class Keys(Record):
    """Hexadecimal sha256 each."""

    train: str
    embed: str
    score: str


def train_key(
    method: type, recipe: Record, channels: tuple[str, ...], size: int, seed: int, training_data: str, *others: str
) -> str:
    """Return the key of a method with its weights.

    Args:
        method: its class.
        recipe: resolved.
        channels: that it sees.
        size: of the crops in pixels.
        seed: of its weights and its training.
        training_data: the store's content, or ``"untrained"``.
        others: the sha256 of the weights that it began with, the source of the method whose features chose its checkpoint.
    """
    configuration = json.dumps([recipe.model_dump(mode="json"), channels, size, seed], sort_keys=True)
    versions = [installed_version("torch"), installed_version("timm")]
    return sha256_text(source_of(method), source_of_modules(MAKING), configuration, training_data, *others, *versions)


def chained(train: str, data: str, how: str, benchmark: str) -> Keys:
    """Chain a training key with the evaluated data (their content's sha256), how they are embedded, and the benchmark."""
    embed = sha256_text(train, data, how, source_of_modules(EMBEDDING))
    return Keys(train=train, embed=embed, score=score_key(embed, benchmark))


def score_key(embed: str, benchmark: str) -> str:
    """Return the key of the scores of some profiles under a benchmark."""
    return sha256_text(embed, benchmark)


def source_of(method: type) -> str:
    """The source of a method: every module of its folder (of a plugin file: the file), and its base classes."""
    file = Path(inspect.getfile(method))
    files = [file] if method.__module__.startswith(PLUGIN_MODULE) else sorted(file.parent.glob("*.py"))
    bases = [base for base in method.__mro__[1:] if base.__module__.split(".")[0] not in {"builtins", "abc", "torch"}]
    return "\n".join([path.read_text(encoding="utf-8") for path in files] + [inspect.getsource(base) for base in bases])


def source_of_modules(modules: Sequence[str]) -> str:
    """The source of some of the suite's modules, which need not be imported for it."""
    specs = [find_spec(module) for module in modules]
    return "\n".join(Path(str(spec and spec.origin)).read_text(encoding="utf-8") for spec in specs)
