"""Cells as a person looks at them: channels in declared colours, pictures side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cytobench.files import replacing

PALETTE = {"dna": (0.0, 0.0, 1.0), "tubulin": (0.0, 1.0, 0.0), "actin": (1.0, 0.0, 0.0)}
"""Red, green and blue of each stain: DNA blue, tubulin green, actin red, as on the CytoGAN poster (doi:10.1101/227645).

Pure colours: a pixel's red, green and blue are the three stains, so that nothing is clipped where they overlap.
"""

COLOUR_NAMES = {"dna": "blue", "tubulin": "green", "actin": "red"}

ALSO_CALLED = {"dna": ("dna", "dapi", "hoechst"), "tubulin": ("tubulin",), "actin": ("actin", "phalloidin")}
"""What a stain's channel is called, in part."""

SCALING = (
    "each channel shown from 0 (black) to 1 (full) as the method sees it; luminance input stretches each channel of a cell to "
    "its own maximum, so that brightness cannot be compared between cells"
)

GAP = 2
"""Pixels between cells."""


def stain_of(channel: str) -> str | None:
    """Which stain a channel shows: ``dna``, ``tubulin`` or ``actin``; None where its name tells of none."""
    return next((stain for stain, names in ALSO_CALLED.items() if any(name in channel.lower() for name in names)), None)


def spoken(name: str) -> str:
    """The name of a stain, or what begins with it, as people read it: ``dna`` is ``DNA``."""
    return re.sub(r"^dna\b", "DNA", name)


def colours(channels: Sequence[str]) -> list[tuple[float, float, float]]:
    """The colour of each channel: its stain's; what is no known stain takes the next free one, and where none is left grey."""
    known = [stain_of(channel) for channel in channels]
    free = iter([colour for stain, colour in PALETTE.items() if stain not in known])
    return [PALETTE[stain] if stain else next(free, (0.6, 0.6, 0.6)) for stain in known]


def legend(channels: Sequence[str]) -> str:
    """Which colour shows which channel: ``DAPI blue, Actin red, Tubulin green``."""
    names = {PALETTE[stain]: name for stain, name in COLOUR_NAMES.items()}
    shown = zip(channels, colours(channels), strict=True)
    return ", ".join(f"{channel} {names.get(colour, 'grey')}" for channel, colour in shown)


def composites(images: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """Show all channels in one picture each.

    Args:
        images: (n, C, H, W) in [0, 1].
        channels: C names.

    Returns:
        (n, H, W, 3) uint8.
    """
    mixed = np.einsum("nchw,cr->nhwr", images.astype(np.float32).clip(0, 1), np.array(colours(channels), np.float32))
    return np.asarray(np.rint(mixed.clip(0, 1) * 255), np.uint8)


def single_channel(images: np.ndarray, channel: int) -> np.ndarray:
    """Show one channel in grey: (n, C, H, W) in [0, 1] to (n, H, W, 3) uint8."""
    grey = np.asarray(np.rint(images[:, channel].clip(0, 1) * 255), np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def grid(pictures: np.ndarray, columns: int, zoom: int = 1) -> np.ndarray:
    """Put pictures (n, H, W, 3) uint8 side by side, row by row: (rows, columns, 3) uint8 on white, each pixel ``zoom`` wide."""
    count, height, width, _ = pictures.shape
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    sheet = np.full((rows * (height * zoom + GAP) - GAP, columns * (width * zoom + GAP) - GAP, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = number // columns * (height * zoom + GAP), number % columns * (width * zoom + GAP)
        sheet[top : top + height * zoom, left : left + width * zoom] = picture.repeat(zoom, axis=0).repeat(zoom, axis=1)
    return sheet


def write_picture(picture: np.ndarray, path: Path) -> None:
    """Write a picture (H, W, 3) uint8 as PNG, whole or not at all."""
    with replacing(path) as temporary:
        Image.fromarray(picture).save(temporary)
