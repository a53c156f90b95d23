"""What a cell on a slide has no preference for: up, left and handedness."""

from __future__ import annotations

import torch
from torch import Tensor

from cytobench.method import CellBatch


def turned_and_flipped(batch: CellBatch) -> CellBatch:
    """Apply one of the square's eight symmetries, drawn for the batch, to its images and masks."""
    turns, flip = int(torch.randint(4, ())), bool(torch.randint(2, ()))

    def turned(tensor: Tensor) -> Tensor:
        rotated = torch.rot90(tensor, turns, dims=(-2, -1))
        return rotated.flip(-1) if flip else rotated

    return batch.map(lambda tensor: turned(tensor) if tensor.dim() > 2 else tensor)  # a condition has no sides
