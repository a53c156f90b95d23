"""SimCLR (Chen et al. 2020): two random views of a cell are to have similar projections, views of two cells different ones."""

from typing import Any, cast

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from cytobench.method import CellBatch, TrainableMethod, Update
from cytobench.schema import Record
from cytobench.training.backbones import make_backbone
from cytobench_methods.simclr.contrast import nt_xent
from cytobench_methods.simclr.views import Views, random_views


class Network(nn.Module):
    """``backbone``: an image to its representation; ``head``: that to the projection which the loss compares."""

    def __init__(self, backbone: nn.Module, features: int, projection: int):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, projection))

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, projection) for ``images`` (B, C, H, W) in [-1, 1]."""
        return self.head(self.backbone(images))


class SimCLR(TrainableMethod):
    """The backbone's features, before the projection head, are the cell (their section 4.2)."""

    class Options(Record):
        """Backbone, projection and views."""

        backbone: str = "convnext_atto"
        """A name of timm's; without batch norm, which would let views see each other and cripple an untrained twin."""
        backbone_settings: dict[str, Any] = {}
        projection: PositiveInt = 128
        temperature: float = Field(default=0.5, gt=0)
        views: Views = Views()

    def setup(self) -> None:
        """Build the network."""
        backbone = make_backbone(self.options.backbone, len(self.channels), self.size, **self.options.backbone_settings)
        self.network = Network(backbone, cast(int, backbone.head_hidden_size), self.options.projection)

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, features of the backbone)."""
        return self.network.backbone(2 * cells.images - 1)

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """Contrast two views of each cell."""
        views = torch.cat([random_views(batch.images, self.options.views) for _ in range(2)])
        first, second = self.network(2 * views - 1).chunk(2)
        update("network", nt_xent(first, second, self.options.temperature))
