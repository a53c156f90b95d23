"""What CytoGAN's convolutional GANs share: two networks, what describes a cell, one step of each; losses are each one's own."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from cytobench.method import AdversarialMethod, CellBatch, TrainableMethod, Update
from cytobench.schema import Record
from cytobench.training.networks import SLOPE, Blocks, decoder, encoder, flat_features
from cytobench.training.processes import normal, uniform


class Generator(nn.Module):
    """Noise, and where there is one a condition, to an image in [-1, 1]."""

    def __init__(self, body: nn.Module, embedding: nn.Module | None):
        super().__init__()
        self.body, self.embedding = body, embedding

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return (B, C, H, W) for ``z`` (B, Z) and ``condition`` (B, K)."""
        return torch.tanh(self.body(with_condition(z, condition, self.embedding)))


class Discriminator(nn.Module):
    """``features``: an image to its representation; ``head``: that, and where there is one a condition, to a judgement.

    The condition joins after the representation, which is thereby a function of the image alone.
    """

    def __init__(self, features: nn.Module, head: nn.Module, embedding: nn.Module | None):
        super().__init__()
        self.features, self.head, self.embedding = features, head, embedding

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return (B, outputs of the head) for ``images`` (B, C, H, W) in [-1, 1] and ``condition`` (B, K)."""
        return self.head(with_condition(self.features(images), condition, self.embedding))


class ConvolutionalGAN(TrainableMethod, AdversarialMethod):
    """Generator and discriminator of CytoGAN (Goldsborough et al. 2017); the discriminator's penultimate layer is the cell."""

    class Options(Record):
        """Sizes and noise."""

        noise: PositiveInt = 100
        noise_distribution: Literal["normal", "uniform"] = "normal"
        """``uniform``: between -1 and 1."""
        latent: PositiveInt = 100
        widths: tuple[PositiveInt, ...] = Field(default=(16, 32, 64), min_length=1)
        """Channels of the discriminator's stages; the generator has them in reverse."""
        blocks: Blocks = "strided"
        input_noise: NonNegativeFloat = 0.1
        """Standard deviation of the noise on what the discriminator sees in training."""
        condition_embedding: PositiveInt = 16
        """Length of the dense embedding of a condition."""

    codes: int = 0
    """Numbers beside the noise that the generator is given (InfoGAN)."""
    judgements: int = 1
    """Outputs of the discriminator."""

    def setup(self) -> None:
        """Build both networks."""
        options, channels = self.options, len(self.channels)
        extra = options.condition_embedding if self.conditions else 0
        body = decoder(options.blocks, options.noise + self.codes + extra, options.widths[::-1], channels, self.size)
        self.generator = Generator(body, self._condition_embedding())
        features = nn.Sequential(
            encoder(options.blocks, channels, options.widths),
            nn.Flatten(),
            nn.Linear(flat_features(options.blocks, options.widths, self.size), options.latent),
        )
        head = nn.Sequential(nn.LeakyReLU(SLOPE), nn.Linear(options.latent + extra, self.judgements))
        self.discriminator = Discriminator(features, head, self._condition_embedding())

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the discriminator's penultimate layer."""
        return self.discriminator.features(2 * cells.images - 1)

    def noise(self, n: int) -> Tensor:
        """Return (n, noise) points of the noise space."""
        shape, device = (n, self.options.noise + self.codes), next(self.parameters()).device
        return normal(shape, device) if self.options.noise_distribution == "normal" else uniform(shape, device, -1, 1)

    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return images (n, C, H, W) in [0, 1]."""
        self.check_condition(condition)
        return (self.generator(z, condition) + 1) / 2

    def judge(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return (B,): the higher, the more an image in [0, 1] looks real to the discriminator."""
        return self.discriminator(2 * images - 1, condition)[:, 0]

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """One step of each network, on one batch of fakes."""
        real, condition = 2 * batch.images - 1, batch.condition
        fake = self.generator(self.noise(len(batch)), condition)
        update("discriminator", self.discriminator_loss(real, fake.detach(), condition))
        update("generator", self.generator_loss(fake, condition))

    @abstractmethod
    def discriminator_loss(self, real: Tensor, fake: Tensor, condition: Tensor | None) -> Tensor:
        """What the discriminator minimises; images (B, C, H, W) in [-1, 1]."""

    @abstractmethod
    def generator_loss(self, fake: Tensor, condition: Tensor | None) -> Tensor:
        """What the generator minimises."""

    def noisy_judgement(self, images: Tensor, condition: Tensor | None) -> Tensor:
        """Return the discriminator's (B, judgements) of images with the input noise of training on them."""
        if self.options.input_noise:
            images = images + self.options.input_noise * normal(tuple(images.shape), images.device)
        return self.discriminator(images, condition)

    def _condition_embedding(self) -> nn.Module | None:
        if not self.conditions:
            return None
        return nn.Sequential(nn.Linear(len(self.conditions), self.options.condition_embedding), nn.LeakyReLU(SLOPE))


def with_condition(code: Tensor, condition: Tensor | None, embedding: nn.Module | None) -> Tensor:
    """Append a condition's embedding to a code: (B, Z) and (B, K) -> (B, Z + embedding)."""
    return code if embedding is None else torch.cat([code, embedding(condition)], dim=1)
