"""Versions of a cell of which channels were blanked, left alone, or swapped with another cell of its well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.pictures import PALETTE, spoken, stain_of

Kind = Literal["blanked", "only", "swapped"]

KINDS: tuple[Kind, ...] = ("blanked", "only", "swapped")


@dataclass(frozen=True)
class Version:
    """One way in which every cell is changed."""

    kind: Kind
    channel: int
    """Which of the method's channels is blanked, left, or swapped."""
    stain: str
    """The channel's stain, by which columns are named; its own name where the stain is not known, or shown twice."""

    @property
    def name(self) -> str:
        """As a line of a table: ``DNA blanked``, ``DNA only``, ``DNA swapped``."""
        return f"{spoken(self.stain)} {self.kind}"

    def of(self, images: np.ndarray, partners: np.ndarray) -> np.ndarray:
        """Return changed images.

        Args:
            images: (n, C, H, W) as the method sees the cells.
            partners: the same of the cells that a swapped channel comes from.
        """
        if self.kind == "only":
            changed = np.zeros_like(images)
            changed[:, self.channel] = images[:, self.channel]
            return changed
        changed = images.copy()
        changed[:, self.channel] = partners[:, self.channel] if self.kind == "swapped" else 0
        return changed


def versions_of(channels: Sequence[str]) -> tuple[Version, ...]:
    """Return every version: by kind, and within a kind by stain in the palette's order, other channels after them.

    Raises:
        CytoBenchError: where there is one channel only.
    """
    if len(channels) < 2:
        raise CytoBenchError(f"cells with one channel ({channels[0]}) have no relations between channels; take others")
    stains = _named(channels)
    order = sorted(range(len(channels)), key=lambda channel: [*PALETTE, stains[channel]].index(stains[channel]))
    return tuple(Version(kind, channel, stains[channel]) for kind in KINDS for channel in order)


def _named(channels: Sequence[str]) -> list[str]:
    stains = [stain_of(channel) for channel in channels]
    return [stain if stain and stains.count(stain) == 1 else channel for stain, channel in zip(stains, channels, strict=True)]
