"""Autoencoder (Hinton and Salakhutdinov 2006) as CytoGAN uses it: one dense layer codes a cell, another one decodes it."""

import math

from pydantic import PositiveInt
from torch import nn

from cytobench.schema import Record
from cytobench.training.reconstruction import ReconstructingMethod


class AE(ReconstructingMethod):
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
