"""Several processes that train one model: what each draws is its share of what one process alone would draw."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import distributed as dist


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def ranks() -> int:
    """The number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def normal(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Draw (n, ...) standard normal numbers: this process's share of one global draw, whatever the number of processes."""
    return _own(torch.randn(ranks() * shape[0], *shape[1:], device=device))


def uniform(shape: tuple[int, ...], device: torch.device, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Draw (n, ...) numbers between ``low`` and ``high``, as :func:`normal`."""
    return _own(torch.empty(ranks() * shape[0], *shape[1:], device=device).uniform_(low, high))


def mean(value: Tensor) -> Tensor:
    """Average a tensor over the processes; the value itself where there is one. No gradient flows through it."""
    value = value.detach()
    if ranks() > 1:
        value = value.clone()
        dist.all_reduce(value)
        value /= ranks()
    return value


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of torch's generators, which training goes on from."""
    state = {"cpu": torch.get_rng_state()}
    return state | {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Set the generators to a :func:`random_state`."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


def _own(drawn: Tensor) -> Tensor:
    return drawn.chunk(ranks())[rank()]
