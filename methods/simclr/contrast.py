"""NT-Xent, the loss of SimCLR, over the cells of all processes."""

import torch
from torch import Tensor
from torch.nn import functional

from cytobench.training.processes import rank, ranks


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross entropy (Chen et al. 2020, equation 1), averaged over both views of each cell.

    A view is to find its cell's other one among all views of all processes but itself. Where several processes train, each
    averages over its own views; the mean of their losses, and of their gradients, is what one process alone would have.

    Args:
        first: projections (B, D) of one view of each of this process's cells.
        second: of the other.
        temperature: what cosine similarities are divided by.
    """
    with torch.autocast(first.device.type, enabled=False):  # 16-bit similarities would blur the softmax
        own = functional.normalize(torch.cat([first, second]).float(), dim=1)
        views = torch.arange(len(own), device=own.device)
        place = views + rank() * len(own)
        similarity = (own @ all_views(own).T / temperature).index_put((views, place), own.new_tensor(-torch.inf))
        return functional.cross_entropy(similarity, place.view(2, -1).flip(0).flatten())


def all_views(own: Tensor) -> Tensor:
    """Gather (B, D) of every process, in their order; the gradient of each comes back to it, summed over the processes."""
    if ranks() == 1:
        return own
    from torch.distributed.nn.functional import all_gather  # absent from a torch without torch.distributed

    return torch.cat(all_gather(own))
