"""Random views of cells: SimCLR's crops, flips and colour jitter (Chen et al. 2020, appendix A), changed for fluorescence.

Aspect ratios stay as they are, for a cell's shape is what a treatment changes. A cell has no up, so quarter turns join the flips.
Channels are dyes and not colours: each gets its own brightness and contrast in place of saturation, hue and greyscale. There is
no blur, for texture is signal, and SimCLR leaves blur out for small images, too.
"""

import math

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from cytobench.schema import Record
from cytobench.training.processes import uniform


class Views(Record):
    """How strongly views differ."""

    smallest_area: float = Field(default=0.5, gt=0, le=1)
    """Least share of the image that a crop keeps. SimCLR's 0.08 would often miss the cell that the image was cut around."""
    jitter: float = Field(default=0.5, ge=0, le=1.25)
    """SimCLR's strength s of colour distortion: brightness and contrast are drawn from U(1 - 0.8 s, 1 + 0.8 s)."""


def random_views(images: Tensor, views: Views) -> Tensor:
    """Return one view of each image: (B, C, H, W) in [0, 1] to the same."""
    return jittered(crops_at(images, random_placements(len(images), images.device, views.smallest_area)), views.jitter)


def random_placements(n: int, device: torch.device, smallest_area: float) -> Tensor:
    """Draw ``n`` squares within the image, turned and flipped: (n, 2, 3) affine maps of a view's coordinates to the image's."""
    area, turn, flip, x, y = uniform((n, 5), device).unbind(1)
    side = (smallest_area + (1 - smallest_area) * area).sqrt()  # of the crop, where the image's is 1
    angle = (4 * turn).floor() * (math.pi / 2)
    mirror = torch.where(flip < 0.5, 1.0, -1.0)
    across = torch.stack([angle.cos() * mirror, -angle.sin(), (2 * x - 1) * (1 / side - 1)], dim=1)
    down = torch.stack([angle.sin() * mirror, angle.cos(), (2 * y - 1) * (1 / side - 1)], dim=1)
    return side[:, None, None] * torch.stack([across, down], dim=1)


def crops_at(images: Tensor, placements: Tensor) -> Tensor:
    """Cut ``placements`` (B, 2, 3) out of ``images`` (B, C, H, W), resized to H x W."""
    grid = functional.affine_grid(placements, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def jittered(images: Tensor, strength: float) -> Tensor:
    """Change each channel's brightness, then its contrast about its mean, as torchvision's colour jitter changes an image's."""
    factors = uniform((len(images), images.shape[1], 2), images.device, 1 - 0.8 * strength, 1 + 0.8 * strength)
    brightness, contrast = factors[..., None, None].unbind(2)
    bright = (brightness * images).clamp(0, 1)
    mean = bright.mean(dim=(2, 3), keepdim=True)
    return (mean + contrast * (bright - mean)).clamp(0, 1)
