"""Fields of view to labelled nuclei and cells: what a segmenter is, its settings, and how one is made."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from pydantic import Field

from cytobench.schema import Record


class NucleiSpec(Record):
    """How nuclei are found in the DNA channel; lengths are in pixels or in nucleus diameters, never in micrometres."""

    diameter: float | None = Field(None, ge=4, le=1000)
    """Typical diameter of a nucleus, pixels; left out, it is estimated from each image."""
    smoothing: float = Field(0.04, ge=0, le=1)
    """Standard deviation of the Gaussian that the image is smoothed with, nucleus diameters."""
    core: float = Field(0.55, gt=0, lt=1)
    """Height at which touching nuclei are told apart, as a fraction of the nucleus's own brightness above the background."""
    edge: float = Field(0.35, gt=0, lt=1)
    """Height at which a nucleus ends, as a fraction of its own brightness above the background."""
    merging: float = Field(0.04, ge=0, le=1)
    """How far from one evenly bright ellipse two pieces may be and still be one nucleus: 0 merges nothing."""
    smallest: float = Field(0.15, ge=0, lt=1)
    """Smaller things are debris: area, as a fraction of a disc of the typical diameter."""
    contrast: float = Field(5, ge=0)
    """Fainter things are noise: brightness above the background, in standard deviations of the noise after smoothing."""


class CellsSpec(Record):
    """How cells are grown from their nuclei in the channels that show the cell body."""

    smoothing: float = Field(0.1, ge=0, le=1)
    """Standard deviation of the Gaussian that the channels are smoothed with, nucleus diameters."""
    foreground: float = Field(0.6, gt=0, le=2)
    """Level above which a pixel belongs to a cell, as a fraction of Otsu's threshold; lower gives larger cells."""
    reach: float = Field(2.5, gt=0)
    """The furthest that a cell extends from its nucleus, nucleus diameters."""
    brightness: float = Field(0.5, ge=0)
    """Weight of brightness against distance in dividing touching cells: 0 divides half way between the nuclei."""


class SegmentationSpec(Record):
    """Which segmenter, and its settings; the defaults are those scored in ``benchmarks/segmentation``."""

    segmenter: Literal["watershed", "cellpose"] = "watershed"
    """``watershed`` is classical and needs nothing; ``cellpose`` needs the extra of that name, its weights and better a GPU.

    Cellpose reads ``nuclei.diameter`` alone; the other settings are those of the watershed.
    """
    nuclei: NucleiSpec = NucleiSpec()
    cells: CellsSpec = CellsSpec()


class Segmenter(Protocol):
    """Finds nuclei, and the cells around them; the same arrays give the same labels, whatever the unit of intensity."""

    def nuclei(self, dna: np.ndarray) -> np.ndarray:
        """Label the nuclei of one field.

        Args:
            dna: (H, W) the DNA channel, without NaN, in any unit of intensity.

        Returns:
            (H, W) int32 labels 1 to n, 0 background; all 0 where there is no nucleus.
        """
        ...

    def cells(self, images: np.ndarray, nuclei: np.ndarray) -> np.ndarray:
        """Label the cell around each nucleus.

        Args:
            images: (C, H, W) the channels that show the cell body (the DNA channel may be among them), without NaN.
            nuclei: (H, W) labels 1 to n, as :meth:`nuclei` gives them.

        Returns:
            (H, W) int32 labels; cell k holds all of nucleus k and nothing of another.
        """
        ...


def make_segmenter(spec: SegmentationSpec | None = None) -> Segmenter:
    """Make the segmenter that ``spec`` names; CytoBenchError where it is cellpose and that is not installed."""
    spec = spec or SegmentationSpec()
    if spec.segmenter == "cellpose":
        from cytobench.imaging.cellpose import CellposeSegmenter

        return CellposeSegmenter(spec)
    from cytobench.imaging.watershed import WatershedSegmenter

    return WatershedSegmenter(spec)
