"""BEGAN (Berthelot et al. 2017) as CytoGAN uses it: the discriminator is an autoencoder, whose code is the cell."""

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from cytobench.method import AdversarialMethod, CellBatch, InvertibleMethod, TrainableMethod, Update
from cytobench.schema import Record
from cytobench.training import processes
from cytobench.training.adversarial import Generator
from cytobench_methods.began.networks import Reconstructor, condition_embedding, decoder, encoder

K_RANGE = (1e-8, 1.0)
"""Of the balance k, which begins at the lower end (CytoGAN; Berthelot et al. begin at 0)."""


class BEGAN(TrainableMethod, AdversarialMethod, InvertibleMethod):
    """Generator and autoencoder in a boundary equilibrium."""

    class Options(Record):
        """Sizes, noise and the equilibrium."""

        noise: PositiveInt = 100
        latent: PositiveInt = 100
        encoder_widths: tuple[PositiveInt, ...] = Field(default=(8, 16, 24, 32), min_length=1)
        """Channels of the encoder's blocks; each halves height and width."""
        decoder_width: PositiveInt = 8
        """Channels throughout the decoder and the generator, which have as many blocks."""
        diversity: float = Field(default=0.75, gt=0, le=1)
        """gamma: the error of generated cells, as a part of that of real ones, at equilibrium."""
        gain: PositiveFloat = 1e-3
        """lambda: how fast k follows."""
        input_noise: NonNegativeFloat = 0.1
        """Standard deviation of the noise on what the autoencoder sees in training; it reconstructs the image without it."""
        condition_embedding: PositiveInt = 16
        """Length of the dense embedding of a condition."""

    k: Tensor

    def setup(self) -> None:
        """Build both networks and the balance."""
        options = self.options
        embeddings = [condition_embedding(len(self.conditions), options.condition_embedding) for _ in range(2)]
        self.generator = Generator(self._decoder(options.noise), embeddings[0])
        image_encoder = encoder(len(self.channels), options.encoder_widths, self.size, options.latent)
        self.discriminator = Reconstructor(image_encoder, self._decoder(options.latent), embeddings[1])
        self.register_buffer("k", torch.tensor(K_RANGE[0]))

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the code."""
        return self.encode(cells)

    def encode(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the autoencoder's code, which is not the noise that the generator takes."""
        return self.discriminator.encoder(2 * cells.images - 1)

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return the autoencoder's images in [0, 1] of its codes."""
        self.check_condition(condition)
        return ((self.discriminator.decode(z, condition) + 1) / 2).clamp(0, 1)

    def noise(self, n: int) -> Tensor:
        """Return (n, noise) standard normal numbers (CytoGAN)."""
        return processes.normal((n, self.options.noise), self.k.device)

    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return images (n, C, H, W) in [0, 1]."""
        self.check_condition(condition)
        return (self.generator(z, condition) + 1) / 2

    def judge(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return (B,): minus the error with which the autoencoder reconstructs an image in [0, 1]."""
        images = 2 * images - 1
        return -(images - self.discriminator(images, condition)).abs().flatten(1).mean(dim=1)

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """One step of each network and of k (their section 3.4)."""
        real, condition = 2 * batch.images - 1, batch.condition
        fake = self.generator(self.noise(len(batch)), condition)
        real_error, fake_error = self.error(real, condition), self.error(fake.detach(), condition)
        update("discriminator", real_error - self.k * fake_error)
        self.balance(processes.mean(real_error), processes.mean(fake_error))
        update("generator", self.error(fake, condition))

    def error(self, images: Tensor, condition: Tensor | None) -> Tensor:
        """L(v), their equation 1 with eta 1: the mean absolute error of images, seen with noise, from their reconstruction."""
        seen = images + self.options.input_noise * processes.normal(tuple(images.shape), images.device)
        return nn.functional.l1_loss(self.discriminator(seen, condition), images)

    def balance(self, real_error: Tensor, fake_error: Tensor) -> None:
        """Move k by proportional control, and report it and the measure of convergence M."""
        imbalance = self.options.diversity * real_error - fake_error
        self.k.copy_((self.k + self.options.gain * imbalance).clamp(*K_RANGE))
        self.reports |= {"k": self.k.clone(), "convergence": real_error + imbalance.abs()}

    def _decoder(self, inputs: int) -> nn.Module:
        options = self.options
        inputs += options.condition_embedding if self.conditions else 0
        return decoder(inputs, options.decoder_width, len(options.encoder_widths), len(self.channels), self.size)
