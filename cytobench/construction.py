"""Make a method for a data set, on a device, or say why it cannot work there."""

from __future__ import annotations

import torch

from cytobench import registry
from cytobench.card import MethodCard
from cytobench.datasets.batches import BatchReader
from cytobench.datasets.opening import Dataset
from cytobench.datasets.profile_table import ProfileTable
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError, blaming
from cytobench.method import Method
from cytobench.training.recipe import Recipe


def construct(
    entry: registry.MethodEntry,
    recipe: Recipe,
    data: Dataset,
    seed: int,
    device: torch.device,
    conditions: tuple[str, ...] = (),
) -> Method:
    """Make a method for the channels and the crop size of a data set, and the conditions that it is or was trained with."""
    channels, size = seen_of(data, recipe)
    with blaming(f"making {entry.card.name}"):
        made: Method = entry.load_class()(recipe, channels, size, seed, **({"conditions": conditions} if conditions else {}))
    return made.to(device) if isinstance(made, torch.nn.Module) else made


def seen_of(data: Dataset, recipe: Recipe) -> tuple[tuple[str, ...], int]:
    """The channels and the crop size in pixels that a method with this recipe sees of a data set."""
    if isinstance(data, ProfileTable):
        return (), 0
    return data.channels, BatchReader(data, recipe.input).size


def check_fit(card: MethodCard, data: Dataset) -> None:
    """Refuse a data set that the method cannot work on, saying why."""
    if card.input == "images" and isinstance(data, ProfileTable):
        raise CytoBenchError(
            f"{card.name} embeds images, but {data.name} is a table of profiles; score it with 'cytobench evaluate'"
        )
    if card.input == "counted-wells" and not data.all_cells_counted:
        raise CytoBenchError(f"{card.name} needs the number of cells in each well, but in {data.name} not all cells were counted")
    if isinstance(data, CellStore) and card.channels != "any" and len(data.channels) not in card.channels:
        accepted = " or ".join(map(str, card.channels))
        raise CytoBenchError(
            f"{card.name} takes {accepted} channels, but {data.name} has {len(data.channels)}: {', '.join(data.channels)}"
        )


def choose_device(name: str) -> torch.device:
    """Return the device called ``auto`` (CUDA where there is one), ``cpu``, ``cuda``, ``cuda:1`` ..."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise CytoBenchError(f"--device {name}: torch sees no CUDA device here; use --device cpu")
    try:
        return torch.device(name)
    except RuntimeError:
        raise CytoBenchError(f"--device {name}: not a device; use auto, cpu or cuda") from None
