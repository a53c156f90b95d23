"""One process, or as many as ``torchrun`` started: on which device each trains, and how they speak."""

from __future__ import annotations

import os

import torch
from lightning_fabric import Fabric

from cytobench.errors import CytoBenchError
from cytobench.training.settings import Precision


def make_fabric(device: torch.device, precision: Precision = "32-true") -> Fabric:
    """Return Lightning Fabric for this process: under ``torchrun``, one of ``WORLD_SIZE`` that train together.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:1``; under ``torchrun`` each process takes the device of its local rank.
        precision: the arithmetic of forward passes.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        devices = [device.index] if device.index is not None else 1
        return Fabric(accelerator=device.type, devices=devices, precision=precision)
    local = int(os.environ["LOCAL_WORLD_SIZE"])
    if world % local:
        raise CytoBenchError(f"torchrun started {world} processes, {local} of them here; start equally many on each machine")
    fabric = Fabric(accelerator=device.type, devices=local, num_nodes=world // local, strategy="ddp", precision=precision)
    fabric.launch()
    return fabric


def is_first_process() -> bool:
    """Whether this process is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def alone() -> bool:
    """Whether no other process trains with this one."""
    return os.environ.get("WORLD_SIZE", "1") == "1"
