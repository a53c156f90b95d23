"""Read one grey image; whatever is wrong with it is one short reason."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import tifffile

DEPTHS = ("uint8", "uint16")
"""The pixel types that a camera's images have."""


class ImageError(Exception):
    """An image that cannot be used; its text is the reason, without the file's name."""


def read_tiff(file: Path | BinaryIO) -> np.ndarray:
    """Decode a TIFF file.

    Args:
        file: its path, or its opened bytes.

    Returns:
        (H, W) uint8 or uint16.

    Raises:
        ImageError: where it is missing, damaged, not grey or of another depth.
    """
    try:
        image = tifffile.imread(file)
    except FileNotFoundError:
        raise ImageError("missing") from None
    except Exception as error:  # what a damaged file raises depends on where it is damaged
        raise ImageError(f"cannot be decoded ({' '.join(str(error).split()) or type(error).__name__})") from None
    if image.ndim != 2:
        raise ImageError(f"not one grey picture (its shape is {' x '.join(map(str, image.shape))})")
    if image.dtype.name not in DEPTHS:
        raise ImageError(f"its pixels are {image.dtype}, not 8-bit or 16-bit integers")
    return np.asarray(image)
