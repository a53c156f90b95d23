"""Convolutional autoencoder (Masci et al. 2011) as CytoGAN uses it: convolutions with max pooling, and a dense code."""

from pydantic import Field, PositiveInt
from torch import nn

from cytobench.schema import Record
from cytobench.training.networks import grid_side
from cytobench.training.reconstruction import ReconstructingMethod


class ConvAE(ReconstructingMethod):
    """Convolutional encoder and decoder with one dense code between them.

    The code is linear: rectified, as CytoGAN's scripts have it, most of it dies at their rate.
    """

    class Options(Record):
        """Sizes."""

        latent: PositiveInt = 32
        widths: tuple[PositiveInt, ...] = Field(default=(8, 8), min_length=1)
        """Channels of the encoder's stages, each of which halves height and width; the decoder has them in reverse."""

    def setup(self) -> None:
        """Build both halves."""
        latent, widths, channels = self.options.latent, self.options.widths, len(self.channels)
        grid = (widths[-1], *[grid_side(self.size, len(widths))] * 2)
        flat = grid[0] * grid[1] * grid[2]
        encoder: list[nn.Module] = []
        for before, after in zip([channels, *widths], widths, strict=False):
            encoder += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        decoder: list[nn.Module] = [nn.Linear(latent, flat), nn.Unflatten(1, grid), nn.Upsample(scale_factor=2)]
        for before, after in zip(widths[::-1], widths[-2::-1], strict=False):
            decoder += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)]
        self.autoencoder = nn.Sequential(
            nn.Sequential(*encoder, nn.Flatten(), nn.Linear(flat, latent)),
            nn.Sequential(*decoder, nn.Conv2d(widths[0], channels, 3, padding=1), nn.Sigmoid()),
        )
