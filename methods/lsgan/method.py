"""LSGAN (Mao et al. 2017) as CytoGAN uses it (Goldsborough et al. 2017): the discriminator's penultimate layer is the cell."""

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from cytobench.method import CellBatch, GenerativeMethod, TrainableMethod, Update
from cytobench.schema import Record
from cytobench.training.networks import doubling, grid_side, halving

SLOPE = 0.2
"""Of LeakyReLU (Radford et al. 2016)."""


class LSGAN(TrainableMethod, GenerativeMethod):
    """Generator and discriminator with least squares losses."""

    class Options(Record):
        """Sizes and label smoothing."""

        noise: PositiveInt = 100
        latent: PositiveInt = 100
        widths: tuple[PositiveInt, ...] = Field(default=(16, 32, 64, 128), min_length=1)
        """Channels of the discriminator's stages; the generator has them in reverse."""
        input_noise: NonNegativeFloat = 0.1
        real_labels: tuple[float, float] = (0.8, 1.0)

    def setup(self) -> None:
        """Build both networks."""
        options, channels = self.options, len(self.channels)
        side = grid_side(self.size, len(options.widths))
        flat = options.widths[-1] * side * side
        self.generator = nn.Sequential(
            nn.Linear(options.noise, flat),
            nn.Unflatten(1, (options.widths[-1], side, side)),
            nn.BatchNorm2d(options.widths[-1]),
            nn.LeakyReLU(SLOPE),
            doubling(options.widths[::-1], channels, slope=SLOPE),
            nn.Tanh(),
        )
        self.discriminator = nn.Sequential(
            halving(channels, options.widths, slope=SLOPE),
            nn.Flatten(),
            nn.Linear(flat, options.latent),  # the representation
            nn.LeakyReLU(SLOPE),
            nn.Linear(options.latent, 1),
        )

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the discriminator's penultimate layer."""
        return self.discriminator[:-2](2 * cells.images - 1)

    def noise(self, n: int) -> Tensor:
        """Return (n, noise) from a standard normal distribution."""
        return torch.randn(n, self.options.noise, device=next(self.parameters()).device)

    def generate(self, z: Tensor) -> Tensor:
        """Return images in [0, 1]."""
        return (self.generator(z) + 1) / 2

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """One step of each network, on one batch of fakes."""
        real, fake = 2 * batch.images - 1, self.generator(self.noise(len(batch)))
        smooth = torch.empty(len(batch), 1, device=real.device).uniform_(*self.options.real_labels)
        update("discriminator", (self._judge(real) - smooth).square().mean() + self._judge(fake.detach()).square().mean())
        update("generator", (self._judge(fake) - 1).square().mean())

    def _judge(self, images: Tensor) -> Tensor:
        return self.discriminator(images + self.options.input_noise * torch.randn_like(images))
