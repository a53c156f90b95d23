"""Backbones by name: timm's architectures (Wightman 2019, doi:10.5281/zenodo.4414861) with random weights only."""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import nn

from cytobench.errors import CytoBenchError, nearest


def make_backbone(name: str, channels: int, size: int, /, **settings: Any) -> nn.Module:
    """Return a network that takes images (B, channels, size, size) to features (B, D), with the weights of torch's seed.

    Args:
        name: one of ``timm.list_models()``.
        channels: of the image.
        size: height and width of the image in pixels.
        settings: further arguments of the architecture, as ``depths`` or ``norm_layer``.

    Raises:
        CytoBenchError: where timm has no such architecture, or it refuses the settings or the size.
    """
    timm = import_timm()
    if not timm.is_model(name):
        raise CytoBenchError(f"timm {timm.__version__} has no backbone {name!r}{nearest(name, timm.list_models())}")
    # true of transformers with an embedding of each position; convolutional ones refuse the argument
    sized = timm.get_pretrained_cfg(name).fixed_input_size
    given = {"img_size": size, **settings} if sized else settings
    try:
        return timm.create_model(name, pretrained=False, in_chans=channels, num_classes=0, **given)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CytoBenchError(
            f"the backbone {name} cannot be made for {channels} x {size} x {size} with {settings} ({reason}); change its settings"
        ) from error


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
            f"timm cannot be imported ({' '.join(str(error).split())}); install timm and the torchvision made for torch "
            f"{torch.__version__}"
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
