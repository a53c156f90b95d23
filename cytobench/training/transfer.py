"""A method that is one of timm's backbones: how crops become its input, and its maps a representation."""

from __future__ import annotations

import re
from itertools import cycle, islice
from typing import Any, Literal

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor
from torch.nn.functional import interpolate

from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, NetworkMethod
from cytobench.progress import note
from cytobench.schema import Record
from cytobench.training.backbones import data_configuration, make_backbone, reason_of

STAGES = re.compile(r"out of range \((\d+ to \d+)\)")
"""Where timm, asked for a stage that is not there, says which are."""

SMALLEST = 4
"""A note is given where crops are made smaller by more than this factor."""


class BackboneOptions(Record):
    """How crops become the input of a backbone, and what of it is the representation."""

    settings: dict[str, Any] = {}
    """Further arguments of the architecture."""
    channels: Literal["each", "rgb", "all"] = "each"
    """``each``: every channel by itself, replicated to red, green and blue, and the features concatenated (Ando et al. 2017,
    doi:10.1101/161422); ``rgb``: exactly three channels as red, green and blue, in the store's order; ``all``: any number as the
    channels of one image, the first convolution having as many."""
    size: PositiveInt | None = None
    """Height and width in pixels that crops are resized to; None for the size that the backbone's weights were trained at."""
    interpolation: Literal["bilinear", "bicubic"] | None = None
    """Of the resizing; None for the backbone's own."""
    antialias: bool = True
    """Whether what is made smaller is smoothed first; without effect where crops are made larger."""
    stage: NonNegativeInt | None = None
    """The stage (from 0) whose maps, averaged over the image, are the representation; None for the whole backbone's features."""


class BackboneMethod(NetworkMethod):
    """Features of a backbone with the weights of the seed; its name is the option ``backbone``, which a subclass adds."""

    network: Any

    def setup(self) -> None:
        """Make the backbone, and see that it takes these crops."""
        name, inputs = self.options.backbone, self._inputs()
        expected = data_configuration(name)
        self._pixels = self.options.size or expected.size
        if SMALLEST * self._pixels < self.size:
            note(f"crops of {self.size} px are made {self._pixels} px small, which leaves little to see; set a larger -o size")
        self._mode = self.options.interpolation or _supported(expected.interpolation, name)
        self._mean, self._std = _per_input(expected.mean, inputs), _per_input(expected.std, inputs)
        self.network = make_backbone(name, inputs, self._pixels, **self.options.settings)
        self.network.to(memory_format=torch.channels_last)  # the faster layout on a CPU
        features = self._probe()
        if self.options.channels == "each":
            self.feature_names = [f"{channel}_{number:04d}" for channel in self.channels for number in range(features)]

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, D), or (B, C x D) where each channel is taken by itself."""
        views = cells.images.split(1, dim=1) if self.options.channels == "each" else [cells.images]
        return torch.cat([self._features(view) for view in views], dim=1)

    def prepared(self, images: Tensor) -> Tensor:
        """Return what the backbone is given for ``images`` (B, 1 or C, H, W): resized, one channel replicated, standardised.

        It is laid out channels last, and each plane written once: x / std - mean / std, which rounding alone tells from
        (x - mean) / std.
        """
        smooth = self.options.antialias
        resized = interpolate(images, (self._pixels, self._pixels), mode=self._mode, align_corners=False, antialias=smooth)
        shape = (len(images), len(self._mean), self._pixels, self._pixels)
        given = torch.empty(shape, dtype=resized.dtype, device=resized.device, memory_format=torch.channels_last)
        planes = resized.expand(shape).unbind(1)
        for mean, std, plane, out in zip(self._mean, self._std, planes, given.unbind(1), strict=True):
            torch.add(torch.full((), -mean / std, device=plane.device), plane, alpha=1 / std, out=out)
        return given

    def _features(self, images: Tensor) -> Tensor:
        given, stage = self.prepared(images), self.options.stage
        if stage is None:
            return self.network(given)
        (maps,) = self.network.forward_intermediates(given, indices=[stage], stop_early=True, intermediates_only=True)
        return maps.mean(dim=(2, 3))

    def _inputs(self) -> int:
        if self.options.channels == "rgb" and len(self.channels) != 3:
            raise CytoBenchError(
                f"channels rgb takes three channels, but these cells have {', '.join(self.channels)}; set -o channels=each"
            )
        return len(self.channels) if self.options.channels == "all" else 3

    def _probe(self) -> int:
        """The number of features; only when it runs does a backbone say that it has no such stage, or needs more pixels."""
        name, stage = self.options.backbone, self.options.stage
        if stage is not None and not hasattr(self.network, "forward_intermediates"):
            raise CytoBenchError(f"the backbone {name} does not give the maps of its stages; leave out options.stage")
        images = torch.zeros(1, 1 if self.options.channels == "each" else len(self.channels), self.size, self.size)
        try:
            with torch.no_grad():
                features = self.eval()._features(images)
        except (RuntimeError, AssertionError, ValueError, IndexError, TypeError) as error:
            if stage is not None and (there := STAGES.search(str(error))):
                raise CytoBenchError(f"the backbone {name} has no stage {stage}; it has stages {there.group(1)}") from None
            what = f"stage {stage} of the backbone {name}" if stage is not None else f"the backbone {name}"
            raise CytoBenchError(
                f"{what} takes no {self._pixels} px image ({reason_of(error)}); set another -o size or stage"
            ) from error
        if features.ndim != 2:
            raise CytoBenchError(
                f"the backbone {name} gives features of shape {tuple(features.shape)[1:]}; name one that gives a vector"
            )
        return features.shape[1]


def _supported(interpolation: str, backbone: str) -> str:
    if interpolation not in ("bilinear", "bicubic"):
        raise CytoBenchError(f"the backbone {backbone} asks for {interpolation} interpolation; set -o interpolation=bicubic")
    return interpolation


def _per_input(values: tuple[float, ...], inputs: int) -> list[float]:
    """Each input channel's statistic is that of the colour whose weights timm gives it; one channel gets the sum of all."""
    return [sum(values) / len(values)] if inputs == 1 else list(islice(cycle(values), inputs))
