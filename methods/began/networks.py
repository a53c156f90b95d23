"""The networks of BEGAN (Berthelot et al. 2017): 3 x 3 convolutions and ELU throughout, in the layout of CytoGAN."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from cytobench.training.adversarial import with_condition
from cytobench.training.networks import grid_side


class Reconstructor(nn.Module):
    """The discriminator: an autoencoder.

    A condition joins the code before it is decoded, so that the code is a function of the image alone.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, embedding: nn.Module | None):
        super().__init__()
        self.encoder, self.decoder, self.embedding = encoder, decoder, embedding

    def decode(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return images (B, C, H, W) of codes (B, Z)."""
        return self.decoder(with_condition(code, condition, self.embedding))

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return the reconstruction of ``images`` (B, C, H, W)."""
        return self.decode(self.encoder(images), condition)


def encoder(channels: int, widths: Sequence[int], size: int, latent: int) -> nn.Sequential:
    """Three convolutions a block, the first of stride 2, and a dense layer: (B, channels, S, S) -> (B, latent)."""
    layers: list[nn.Module] = []
    for before, after in zip([channels, *widths], widths, strict=False):
        layers += [*_convolution(before, after, stride=2), *_convolution(after, after), *_convolution(after, after)]
    side = -(-size // 2 ** len(widths))  # rounded up, as the padded convolutions do
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * side**2, latent))


def decoder(inputs: int, width: int, blocks: int, channels: int, size: int) -> nn.Sequential:
    """A dense layer and two convolutions a block, with nearest upsampling between blocks: (B, inputs) -> (B, channels, S, S)."""
    side = grid_side(size, blocks - 1)
    layers: list[nn.Module] = [nn.Linear(inputs, width * side**2), nn.Unflatten(1, (width, side, side))]
    for block in range(blocks):
        layers += [nn.Upsample(scale_factor=2)] if block else []
        layers += [*_convolution(width, width), *_convolution(width, width)]
    return nn.Sequential(*layers, nn.Conv2d(width, channels, 3, padding=1))


def condition_embedding(conditions: int, length: int) -> nn.Module | None:
    """A dense layer of what is told of a cell: (B, conditions) -> (B, length); None where nothing is told."""
    return nn.Sequential(nn.Linear(conditions, length), nn.ELU()) if conditions else None


def _convolution(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, padding=1), nn.ELU()]
