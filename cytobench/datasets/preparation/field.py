"""One field of view -> its cells: correct the light, segment, cut, measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytobench.datasets.field_table import KNOWN
from cytobench.datasets.image_set import FieldOfView
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.imaging.cropping import Placed, cut, masks_of, place, without_neighbours
from cytobench.imaging.overlay import overlay
from cytobench.imaging.quality import NOISE_THRESHOLD, focus, saturation, smoothness
from cytobench.imaging.segmentation import Segmenter


@dataclass(frozen=True)
class FieldCells:
    """The cells of one field."""

    images: np.ndarray
    """(n, C, size, size), the type of the field's images."""
    masks: np.ndarray
    """(n, size, size) uint8."""
    table: pd.DataFrame
    """n rows."""
    found: int
    """Cells in the field, those too near its border with them."""
    picture: np.ndarray | None
    """(H, W, 3) uint8: the field with its outlines, where it was asked for."""


def cells_of(
    raw: np.ndarray, light: np.ndarray | None, segmenter: Segmenter, spec: PreparationSpec, *, shown: bool = False
) -> FieldCells:
    """Find, cut and measure the cells of a field.

    Args:
        raw: (C, H, W) uint8 or uint16, the nuclear stain first.
        light: (C, H, W) float32 that the field is divided by (1 and above), or None.
        segmenter: finds nuclei and cells.
        spec: what to cut.
        shown: make a picture of the field, too.

    Returns:
        Crops of the corrected field, rounded to the camera's integers: intensities keep their scale.
    """
    corrected = raw.astype(np.float32) if light is None else np.maximum(raw - np.float32(spec.illumination.dark), 0) / light
    if raw[0].min() == raw[0].max():
        corrected[0] = raw[0]  # else the light alone would look like nuclei
    nuclei = segmenter.nuclei(corrected[0])
    cells = segmenter.cells(corrected[1:] if len(corrected) > 1 else corrected, nuclei)
    every = place(nuclei, cells)
    placed = every.within(raw.shape[1:], spec.crop_size)
    corners = placed.corners(spec.crop_size)
    images = cut(np.rint(corrected).astype(raw.dtype), corners, spec.crop_size)
    recorded = cut(raw, corners, spec.crop_size)
    masks = masks_of(nuclei, cells, placed, spec.crop_size)
    table = _measured(placed, images, recorded)
    if spec.mask_neighbours:
        images = without_neighbours(images, cells, placed)
    return FieldCells(images, masks, table, len(every), overlay(corrected, nuclei, cells) if shown else None)


def named(table: pd.DataFrame, field: FieldOfView, channels: tuple[str, ...]) -> pd.DataFrame:
    """The measured table with what is known of the field before it, and each channel's name in its measures."""
    known = {name: getattr(field, name) for name in KNOWN}
    names = {f"{what}_{number}": f"{what}_{channel}" for number, channel in enumerate(channels) for what in MEASURES}
    measured = table.rename(columns=names)
    for position, (name, value) in enumerate(known.items()):
        measured.insert(position, name, value)
    return measured


MEASURES = ("focus", "saturation", "smoothness")
"""What is measured of each channel of each crop."""


def _measured(placed: Placed, images: np.ndarray, recorded: np.ndarray) -> pd.DataFrame:
    columns: dict[str, np.ndarray] = {
        "x": placed.centres[:, 0].astype(np.float32),
        "y": placed.centres[:, 1].astype(np.float32),
        "nucleus_area": placed.nucleus_area.astype(np.int32),
        "cell_area": placed.cell_area.astype(np.int32),
    }
    noise = np.zeros(len(placed), dtype=bool)
    for channel in range(images.shape[1]):
        smooth = smoothness(images[:, channel])
        columns[f"focus_{channel}"] = focus(images[:, channel])
        columns[f"saturation_{channel}"] = saturation(recorded[:, channel])
        columns[f"smoothness_{channel}"] = smooth
        noise |= smooth < NOISE_THRESHOLD
    return pd.DataFrame({**columns, "flagged": noise})
