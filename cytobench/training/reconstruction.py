"""What autoencoders share that learn by the squared error of their reconstruction; the networks are each one's own."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import mse_loss

from cytobench.method import CellBatch, InvertibleMethod, TrainableMethod, Update


class ReconstructingMethod(TrainableMethod, InvertibleMethod):
    """An encoder and a decoder with a code between them, which is the cell; :meth:`setup` builds ``autoencoder`` of the two."""

    autoencoder: nn.Sequential

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the code."""
        return self.encode(cells)

    def encode(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the code."""
        code: Tensor = self.autoencoder[0](cells.images)
        return code

    def decode(self, z: Tensor) -> Tensor:
        """Return images in [0, 1]."""
        images: Tensor = self.autoencoder[1](z)
        return images

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """Minimise the squared error of the reconstruction, summed over pixels and averaged over cells."""
        error = mse_loss(self.autoencoder(batch.images), batch.images, reduction="sum")
        update("autoencoder", error / len(batch))
