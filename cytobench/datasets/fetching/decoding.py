"""Decode every image of a plate once, to know which are damaged or missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cytobench.datasets.fetching.download import size_here
from cytobench.datasets.fetching.ledger import DamagedImage, FetchedPlate
from cytobench.datasets.fetching.threads import Halt
from cytobench.imaging.tiff import ImageError, read_tiff


def decode_plate(
    folder: Path, names: frozenset[str], halt: Halt, seen: Callable[[int], object], known: FetchedPlate | None = None
) -> FetchedPlate:
    """Find the images of a plate that cannot be used.

    Args:
        folder: of the plate.
        names: of the files that it must have.
        halt: asked between images whether to stop.
        seen: told the number of images that are done.
        known: what an earlier call found; while the files have as many bytes, only the damaged ones are looked at again.
    """
    size = sum(size_here(folder / name) for name in names)
    unchanged = known is not None and known.bytes == size and known.images + len(known.damaged) == len(names)
    suspects = {one.file for one in known.damaged} & names if known is not None and unchanged else names
    seen(len(names) - len(suspects))
    damaged = []
    for name in sorted(suspects):
        halt.check()
        try:
            read_tiff(folder / name)
        except ImageError as fault:
            damaged.append(DamagedImage(file=name, reason=str(fault)))
        seen(1)
    return FetchedPlate(images=len(names) - len(damaged), bytes=size, damaged=tuple(damaged))
