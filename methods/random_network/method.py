"""Control: a convolutional network that was never trained. What it scores is the architecture's share, not learning's."""

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from cytobench.method import CellBatch, Method
from cytobench.schema import Record
from cytobench.training.networks import halving


class RandomNetwork(Method):
    """Average-pooled maps of every stage of a network with the random weights of its seed."""

    class Options(Record):
        """Channels of each stage."""

        widths: tuple[PositiveInt, ...] = Field(default=(32, 64, 128, 256), min_length=1)

    def setup(self) -> None:
        """Draw the weights (He et al. 2015, so that the signal keeps its variance through the stages)."""
        self._stages = halving(len(self.channels), self.options.widths, slope=0.2)
        for module in self._stages.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.2)

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, sum of widths) float32."""
        maps, pooled = cells.images, []
        for layer in self._stages.to(maps.device):
            maps = layer(maps)
            if isinstance(layer, nn.LeakyReLU):
                pooled.append(maps.mean(dim=(2, 3)))
        return torch.cat(pooled, dim=1)
