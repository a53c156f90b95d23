"""Masks of the centred cells of crops that came without any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np

from cytobench.imaging.cropping import CYTOPLASM, NUCLEUS
from cytobench.imaging.segmentation import Segmenter, make_segmenter
from cytobench.workers import run_tasks

DNA_NAMES = ("dna", "dapi", "hoechst")
"""What the nuclear stain's channel is called, in part; where none is, the first channel shows it."""
CENTRE_RADIUS = 1.0
"""A nucleus this near to the middle of the crop, px, is at the centre: in a crop of even size the middle is between pixels."""
SMALLEST_NUCLEUS = 12
"""Area, px, of a disc 4 px across, the least diameter that the segmenter knows: what is smaller is a speck of noise.

Of 1,996 real crops 53 are pure noise with specks of at most 3 px; the smallest nucleus in the others has 52.
"""
DISC, CELL_DISC = 0.4, 0.8
"""Diameters of the discs that stand for a nucleus and its cell where none is found, as fractions of the crop's shorter side.

A median nucleus of MCF-7 is 0.49 of the 68 px crops of BBBC021, and would be 0.35 of crops of 96 px.
"""

CROPS_A_TASK = 8
"""Segmented together; no result depends on it."""


class Found(StrEnum):
    """Which nucleus a crop's mask is around."""

    CENTRE = "centre"
    NEAREST = "nearest"
    """Nothing is at the centre; this nucleus is the nearest to it."""
    NONE = "none"
    """No nucleus is in the crop: the mask is a central disc in a larger one."""


@dataclass(frozen=True)
class CropMasks:
    """Masks, and what each was found from."""

    masks: np.ndarray
    """(n, H, W) uint8: 0 elsewhere, 1 cytoplasm, 2 nucleus of the centred cell."""
    found: tuple[Found, ...]
    """Of each crop."""


def segment_crops(images: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """Segment crops around their centres.

    Args:
        images: (n, C, H, W) uint8 or uint16.
        channels: C names.

    Returns:
        (n, H, W) uint8: 0 elsewhere, 1 cytoplasm, 2 nucleus of the centred cell.
    """
    return find_cells(images, channels).masks


def find_cells(images: np.ndarray, channels: Sequence[str]) -> CropMasks:
    """Segment crops as :func:`segment_crops`, and say which nucleus each mask is around.

    Each crop is segmented by itself, with the settings of whole fields, on the cores that the surrounding
    ``joblib.parallel_config`` gives: about 7 ms a crop.
    """
    find = partial(_find_cells, dna=dna_channel(channels))
    parts = [images[start : start + CROPS_A_TASK] for start in range(0, len(images), CROPS_A_TASK)]
    cells = [cell for found in run_tasks(find, parts) for cell in found]
    masks = [mask for mask, _ in cells]
    return CropMasks(np.array(masks, np.uint8).reshape(len(images), *images.shape[-2:]), tuple(found for _, found in cells))


def dna_channel(channels: Sequence[str]) -> int:
    """The index of the channel that shows the nuclei: the first named so, else the first."""
    named = (number for number, name in enumerate(channels) if any(part in name.lower() for part in DNA_NAMES))
    return next(named, 0)


def _find_cells(images: np.ndarray, dna: int) -> list[tuple[np.ndarray, Found]]:
    segmenter = make_segmenter()
    return [_find_cell(image, dna, segmenter) for image in images]


def _find_cell(image: np.ndarray, dna: int, segmenter: Segmenter) -> tuple[np.ndarray, Found]:
    nuclei = _without_specks(segmenter.nuclei(image[dna]))
    if not nuclei.any():
        return _discs(nuclei.shape), Found.NONE
    body = np.delete(image, dna, axis=0) if len(image) > 1 else image
    return _centred(nuclei, segmenter.cells(body, nuclei))


def _without_specks(nuclei: np.ndarray) -> np.ndarray:
    return np.where(np.bincount(nuclei.ravel())[nuclei] >= SMALLEST_NUCLEUS, nuclei, 0)


def _centred(nuclei: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, Found]:
    """The mask of the cell whose nucleus is at the centre or has a pixel nearest to it."""
    distance = np.where(nuclei > 0, _from_middle(nuclei.shape), np.inf)
    own = nuclei.flat[distance.argmin()]
    mask = np.where(nuclei == own, NUCLEUS, np.where(cells == own, CYTOPLASM, 0)).astype(np.uint8)
    return mask, Found.CENTRE if distance.min() <= CENTRE_RADIUS else Found.NEAREST


def _discs(shape: tuple[int, ...]) -> np.ndarray:
    diameter = 2 * _from_middle(shape) / min(shape)
    return np.where(diameter <= DISC, NUCLEUS, np.where(diameter <= CELL_DISC, CYTOPLASM, 0)).astype(np.uint8)


def _from_middle(shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) distance of each pixel from the middle of the crop, px."""
    height, width = shape
    return np.hypot(np.arange(height)[:, None] - (height - 1) / 2, np.arange(width) - (width - 1) / 2)
