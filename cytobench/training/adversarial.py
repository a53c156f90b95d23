"""What CytoGAN's convolutional GANs share: two networks, what describes a cell, one step of each; losses are each one's own."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from cytobench.method import AdversarialMethod, CellBatch, TrainableMethod, Update
from cytobench.schema import Record
from cytobench.training.networks import SLOPE, Blocks, decoder, encoder, flat_features
from cytobench.training.processes import normal, uniform

Label = Annotated[float, Field(ge=0, le=1)]
"""What a discriminator should say: 1 of a real cell, 0 of a generated one."""


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
    """Numbers after the noise that the generator is given, which :meth:`noise` then draws too (InfoGAN)."""
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
        shape, device = (n, self.options.noise), next(self.parameters()).device
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
        """What the discriminator minimises; images (B, C, H, W) in [-1, 1], ``condition`` what the generator was told."""

    @abstractmethod
    def generator_loss(self, fake: Tensor, condition: Tensor | None) -> Tensor:
        """What the generator minimises."""

    def noisy_judgement(self, images: Tensor, condition: Tensor | None) -> Tensor:
        """Return the discriminator's (B, judgements) of images with the input noise of training on them."""
        return self.discriminator(self.noisy(images), condition)

    def noisy(self, images: Tensor) -> Tensor:
        """Return images with the discriminator's input noise of training on them."""
        deviation = self.options.input_noise
        return images + deviation * normal(tuple(images.shape), images.device) if deviation else images

    def _condition_embedding(self) -> nn.Module | None:
        if not self.conditions:
            return None
        return nn.Sequential(nn.Linear(len(self.conditions), self.options.condition_embedding), nn.LeakyReLU(SLOPE))


class SmoothedGAN(ConvolutionalGAN):
    """One whose discriminator learns labels: 0 of generated cells, smoothed of real ones (Salimans et al. 2016)."""

    class Options(ConvolutionalGAN.Options):
        """Sizes, noise and label smoothing."""

        real_labels: tuple[Label, Label] = (0.8, 1.0)
        """Range that the labels of real cells are drawn from (CytoGAN: U(0.8, 1))."""

    def smoothed_labels(self, real: Tensor) -> Tensor:
        """Draw (B, 1) labels of real cells."""
        return uniform((len(real), 1), real.device, *self.options.real_labels)


def with_condition(code: Tensor, condition: Tensor | None, embedding: nn.Module | None) -> Tensor:
    """Append a condition's embedding to a code: (B, Z) and (B, K) -> (B, Z + embedding)."""
    return code if embedding is None else torch.cat([code, embedding(condition)], dim=1)
