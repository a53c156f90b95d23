"""Backbones by name: timm's architectures (Wightman 2019, doi:10.5281/zenodo.4414861), made with random weights."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import nn

from cytobench.errors import CytoBenchError
from cytobench.schema import Record

LOADING = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir")
"""Arguments of timm's that would load weights behind our back."""


REASON = 200
"""Characters of another library's message that a sentence quotes."""


class DataConfiguration(Record):
    """What images a backbone's weights were trained on, as timm states it."""

    size: int
    """Height and width in pixels."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str


def make_backbone(name: str, channels: int, size: int, /, **settings: Any) -> nn.Module:
    """Return a network that takes images (B, channels, size, size) to features (B, D), with the weights of torch's seed.

    Args:
        name: one of ``timm.list_models()``, with or without the tag of pretrained weights, which are not loaded.
        channels: of the image.
        size: height and width of the image in pixels.
        settings: further arguments of the architecture, as ``depths`` or ``norm_layer``.

    Raises:
        CytoBenchError: where timm has no such architecture, or it refuses the settings or the size.
    """
    loading = [key for key in settings if key in LOADING]
    if loading:
        raise CytoBenchError(f"the setting {loading[0]!r} of the backbone {name} would load weights; leave it out")
    # true of transformers with an embedding of each position; convolutional ones refuse the argument
    given = {"img_size": size, **settings} if pretrained_configuration(name).get("fixed_input_size") else settings
    try:
        return import_timm().create_model(name, pretrained=False, in_chans=channels, num_classes=0, **given)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise CytoBenchError(
            f"the backbone {name} cannot be made for {channels} x {size} x {size} with {settings} ({reason_of(error)}); "
            "change its settings"
        ) from error


def pretrained_configuration(name: str) -> dict[str, Any]:
    """Return what timm states of a name's pretrained weights: where they are and what they expect.

    Raises:
        CytoBenchError: where timm has no such architecture, or no such tag of it.
    """
    timm = import_timm()
    importlib.import_module("cytobench.training.mobilenet")
    if not timm.is_model(name):
        raise CytoBenchError(f"timm {timm.__version__} has no backbone {name!r}{_meant(name.split('.')[0], timm.list_models())}")
    try:
        configuration = timm.get_pretrained_cfg(name)
    except RuntimeError:
        tags = timm.list_models(f"{name.split('.')[0]}.*", pretrained=True)
        raise CytoBenchError(
            f"timm {timm.__version__} has no weights {name!r}{_meant(name, tags)}; it has {', '.join(tags) or 'none'}"
        ) from None
    return configuration.to_dict() if configuration else {}


def data_configuration(name: str) -> DataConfiguration:
    """Return the size, mean, standard deviation and interpolation that belong to a backbone."""
    pretrained = pretrained_configuration(name)
    found = importlib.import_module("timm.data").resolve_data_config(args={"in_chans": None}, pretrained_cfg=pretrained)
    return DataConfiguration(
        size=found["input_size"][-1], mean=found["mean"], std=found["std"], interpolation=found["interpolation"]
    )


def reason_of(error: Exception | str) -> str:
    """Return what another library says of an error, on one line and cut between words."""
    return textwrap.shorten(str(error), REASON, placeholder=" ...") or type(error).__name__


def _meant(name: str, known: Iterable[str]) -> str:
    """The known name that the fewest edits make of ``name``, the shortest of several; nothing where all take many."""
    edits, _, close = min(((edit_distance(name, other), len(other), other) for other in known), default=(len(name), 0, ""))
    return f"; did you mean {close!r}?" if edits <= max(2, (len(name) + 1) // 3) else ""


def edit_distance(first: str, second: str) -> int:
    """Return how many letters are to be added, taken away or replaced to make one word of the other (Levenshtein 1966)."""
    row = list(range(len(second) + 1))
    for done, letter in enumerate(first, start=1):
        above, row = row, [done]
        for column, other in enumerate(second):
            row.append(min(above[column + 1] + 1, row[column] + 1, above[column] + (letter != other)))
    return row[-1]


@cache
def import_timm() -> ModuleType:
    """Return timm.

    Raises:
        CytoBenchError: where it, or torchvision under it, cannot be imported.
    """
    try:
        try:
            importlib.import_module("torchvision")
        except RuntimeError as error:
            if "torchvision::nms does not exist" not in str(error):
                raise
            _declare_missing_operators()
        return importlib.import_module("timm")
    except (ImportError, RuntimeError, OSError) as error:
        raise CytoBenchError(
            f"timm cannot be imported ({reason_of(error)}); install timm and the torchvision made for torch {torch.__version__}"
        ) from error


@cache
def _declare_missing_operators() -> torch.library.Library:
    """Declare the two operators that torchvision describes before it is sure to have them.

    Its usual wheel cannot load its compiled operators beside a CPU-only torch, and then fails on giving these two their shapes,
    although nothing here calls them. Declared, they let the rest of torchvision work; called, they still fail.
    """
    library = torch.library.Library("torchvision", "FRAGMENT")  # the cache keeps it: its end would undeclare them
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
