"""Variational autoencoder (Kingma and Welling 2014): the mean of a cell's code describes it."""

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from cytobench.method import CellBatch, GenerativeMethod, InvertibleMethod, TrainableMethod, Update
from cytobench.schema import Record
from cytobench.training import networks
from cytobench.training.processes import normal


class Autoencoder(nn.Module):
    """``encoder``: an image to the mean and log variance of its code; ``decoder``: a code to the logits of an image."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log variance, (B, latent) each, of the codes of ``images``."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of codes drawn with standard normal ``noise``, and the mean and log variance they came from."""
        mean, log_variance = self.posterior(images)
        return self.decoder(mean + (log_variance / 2).exp() * noise), mean, log_variance


class VAE(TrainableMethod, GenerativeMethod, InvertibleMethod):
    """Encoder and decoder trained together on the evidence lower bound."""

    class Options(Record):
        """Sizes."""

        latent: PositiveInt = 100
        widths: tuple[PositiveInt, ...] = Field(default=(16, 32, 64), min_length=1)
        """Channels of the encoder's stages; the decoder has them in reverse."""
        blocks: networks.Blocks = "strided"

    def setup(self) -> None:
        """Build both halves."""
        latent, widths, blocks, channels = self.options.latent, self.options.widths, self.options.blocks, len(self.channels)
        flat = networks.flat_features(blocks, widths, self.size)
        encoder = nn.Sequential(networks.encoder(blocks, channels, widths), nn.Flatten(), nn.Linear(flat, 2 * latent))
        self.autoencoder = Autoencoder(encoder, networks.decoder(blocks, latent, widths[::-1], channels, self.size))

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the mean of the code."""
        return self.encode(cells)

    def encode(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the mean of the code."""
        return self.autoencoder.posterior(cells.images)[0]

    def decode(self, z: Tensor) -> Tensor:
        """Return images in [0, 1]."""
        return self.autoencoder.decoder(z).sigmoid()

    def noise(self, n: int) -> Tensor:
        """Return (n, latent) from the prior, a standard normal distribution."""
        return normal((n, self.options.latent), next(self.parameters()).device)

    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Decode points of the prior."""
        self.check_condition(condition)
        return self.decode(z)

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """Minimise the negative evidence lower bound, summed over pixels and averaged over cells (their equation 10)."""
        logits, mean, log_variance = self.autoencoder(batch.images, self.noise(len(batch)))
        reconstruction = binary_cross_entropy_with_logits(logits, batch.images, reduction="sum")
        update("autoencoder", (reconstruction + divergence(mean, log_variance)) / len(batch))


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence of the codes' distributions from the prior, summed (their appendix B)."""
    return (mean.square() + torch.exp(log_variance) - 1 - log_variance).sum() / 2
