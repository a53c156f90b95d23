"""Autoencoder (Hinton and Salakhutdinov 2006) as CytoGAN uses it: one dense layer codes a cell, another one decodes it."""

import math

from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from cytobench.method import CellBatch, InvertibleMethod, TrainableMethod, Update
from cytobench.schema import Record


class AE(TrainableMethod, InvertibleMethod):
    """Dense encoder and decoder with one code between them.

    The code is linear, as Hinton and Salakhutdinov's: rectified, as CytoGAN's scripts have it, all of it dies at their rate.
    """

    class Options(Record):
        """Sizes."""

        latent: PositiveInt = 32

    def setup(self) -> None:
        """Build both halves."""
        shape = (len(self.channels), self.size, self.size)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), self.options.latent))
        decoder = nn.Sequential(nn.Linear(self.options.latent, math.prod(shape)), nn.Unflatten(1, shape), nn.Sigmoid())
        self.autoencoder = nn.Sequential(encoder, decoder)

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the code."""
        return self.encode(cells)

    def encode(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the code."""
        return self.autoencoder[0](cells.images)

    def decode(self, z: Tensor) -> Tensor:
        """Return images in [0, 1]."""
        return self.autoencoder[1](z)

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """Minimise the squared error of the reconstruction, summed over pixels and averaged over cells."""
        error = mse_loss(self.autoencoder(batch.images), batch.images, reduction="sum")
        update("autoencoder", error / len(batch))
