"""The page's pictures: files whose names any system and any browser takes, whatever the plates are called."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image

from cytobench.schema import Record

KINDS = ("example", "illumination", "crops", "distribution")
"""What a picture's name begins with; by this a report's folder is known."""


class Picture(Record):
    """A picture beside the page."""

    file: str
    width: int
    """px, as it is shown."""
    height: int
    what: str
    """Named by it: a plate, a treatment, a measure."""
    note: str = ""
    """What is to be known of it."""


def picture_name(kind: str, number: int, name: str) -> str:
    """Return a file name; the number keeps apart what the letters do not."""
    return f"{kind}-{number:04d}-{re.sub(r'[^A-Za-z0-9]+', '-', name)[:40].strip('-')}.png"


def write_picture(folder: Path, kind: str, number: int, pixels: np.ndarray, what: str, note: str = "") -> Picture:
    """Write (H, W, 3) or (H, W, 4) uint8 pixels as a PNG file."""
    name = picture_name(kind, number, what)
    Image.fromarray(pixels).save(folder / name)
    return Picture(file=name, width=pixels.shape[1], height=pixels.shape[0], what=what, note=note)


def side_by_side(pictures: list[np.ndarray], gap: int = 2) -> np.ndarray:
    """Put (H, W, 3) pictures into a row with nothing, which any background shows through, between them: (H, W', 4)."""
    height = pictures[0].shape[0]
    row = [np.zeros((height, gap, 4), np.uint8)] * (2 * len(pictures) - 1)
    row[::2] = [np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]) for picture in pictures]
    return np.concatenate(row, axis=1)
