"""Control: a convolutional network that was never trained. What it scores is the architecture's share, not learning's."""

from typing import Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from cytobench.method import CellBatch
from cytobench.training.networks import halving
from cytobench.training.transfer import BackboneMethod, BackboneOptions


class RandomNetwork(BackboneMethod):
    """Average-pooled maps of every stage of a network with the random weights of its seed, or a backbone by name."""

    class Options(BackboneOptions):
        """Channels of each stage; or a backbone, given crops as ``imagenet`` gives them."""

        widths: tuple[PositiveInt, ...] = Field(default=(32, 64, 128, 256), min_length=1)
        backbone: str | None = None
        """A name of timm's; its random weights are as timm initialises them."""

        @model_validator(mode="after")
        def _one_network(self) -> Self:
            others = self.model_fields_set - {"widths", "backbone"}
            if self.backbone and "widths" in self.model_fields_set:
                raise ValueError(f"widths are those of the network without a name, and backbone says {self.backbone}; give one")
            if not self.backbone and others:
                raise ValueError(f"{', '.join(sorted(others))} belongs to a backbone, and none is named; give one")
            return self

    def setup(self) -> None:
        """Draw the weights (He et al. 2015, so that the signal keeps its variance through the stages)."""
        if self.options.backbone:
            super().setup()
            return
        self._stages = halving(len(self.channels), self.options.widths, slope=0.2)
        for module in self._stages.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.2)

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, sum of widths), or the backbone's features, float32."""
        if self.options.backbone:
            return super().embed(cells)
        maps, pooled = cells.images, []
        for layer in self._stages:
            maps = layer(maps)
            if isinstance(layer, nn.LeakyReLU):
                pooled.append(maps.mean(dim=(2, 3)))
        return torch.cat(pooled, dim=1)
