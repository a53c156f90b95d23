"""Variational autoencoder (Kingma and Welling 2014): the mean of a cell's code describes it."""

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from cytobench.method import CellBatch, GenerativeMethod, InvertibleMethod, TrainableMethod, Update
from cytobench.schema import Record
from cytobench.training.networks import doubling, grid_side, halving

SLOPE = 0.2
"""Of LeakyReLU, as in the GANs that it is compared with."""


class VAE(TrainableMethod, GenerativeMethod, InvertibleMethod):
    """Encoder and decoder trained together on the evidence lower bound."""

    class Options(Record):
        """Sizes."""

        latent: PositiveInt = 100
        widths: tuple[PositiveInt, ...] = Field(default=(16, 32, 64, 128), min_length=1)
        """Channels of the encoder's stages; the decoder has them in reverse."""

    def setup(self) -> None:
        """Build both halves."""
        options, channels = self.options, len(self.channels)
        side = grid_side(self.size, len(options.widths))
        flat = options.widths[-1] * side * side
        encoder = nn.Sequential(halving(channels, options.widths, slope=SLOPE), nn.Flatten(), nn.Linear(flat, 2 * options.latent))
        decoder = nn.Sequential(
            nn.Linear(options.latent, flat),
            nn.Unflatten(1, (options.widths[-1], side, side)),
            nn.LeakyReLU(SLOPE),
            doubling(options.widths[::-1], channels, slope=SLOPE),
        )
        self.autoencoder = nn.ModuleDict({"encoder": encoder, "decoder": decoder})

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the mean of the code."""
        return self.encode(cells)

    def encode(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the mean of the code."""
        return self._posterior(cells.images)[0]

    def decode(self, z: Tensor) -> Tensor:
        """Return images in [0, 1]."""
        return self.autoencoder["decoder"](z).sigmoid()

    def noise(self, n: int) -> Tensor:
        """Return (n, latent) from the prior, a standard normal distribution."""
        return torch.randn(n, self.options.latent, device=next(self.parameters()).device)

    def generate(self, z: Tensor) -> Tensor:
        """Decode points of the prior."""
        return self.decode(z)

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """Minimise the negative evidence lower bound, summed over pixels and averaged over cells (their equation 10)."""
        mean, log_variance = self._posterior(batch.images)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        logits = self.autoencoder["decoder"](z)
        reconstruction = binary_cross_entropy_with_logits(logits, batch.images, reduction="sum")
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
        update("autoencoder", (reconstruction + divergence) / len(batch))

    def _posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.autoencoder["encoder"](images).chunk(2, dim=1)
        return mean, log_variance
