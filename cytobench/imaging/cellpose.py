"""Cellpose as a segmenter (Stringer et al. 2021, doi:10.1038/s41592-020-01018-x), versions 3 and 4.

The weights are fetched by cellpose itself when they are first used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from cytobench.errors import CytoBenchError
from cytobench.imaging.segmentation import SegmentationSpec


class CellposeSegmenter:
    """Nuclei by the nuclear model and cells by the cytoplasm model of version 3, or both by Cellpose-SAM of version 4."""

    def __init__(self, spec: SegmentationSpec) -> None:
        try:
            from cellpose import models
        except ImportError:
            raise CytoBenchError(
                "the segmenter 'cellpose' is not installed; run: pip install 'cytobench[cellpose]', or use 'watershed'"
            ) from None
        self.spec = spec
        # Version 4 removed the class Cellpose and has a single network; it ignores the names of the old ones with a warning.
        self.version_3 = hasattr(models, "Cellpose")
        if self.version_3:
            self._nuclei_model: Any = models.CellposeModel(gpu=True, model_type="nuclei")
            self._cells_model: Any = models.CellposeModel(gpu=True, model_type="cyto3")
        else:
            self._nuclei_model = self._cells_model = models.CellposeModel(gpu=True)

    def nuclei(self, dna: np.ndarray) -> np.ndarray:
        """Label nuclei; see :class:`~cytobench.imaging.segmentation.Segmenter`."""
        dna = np.asarray(dna, np.float32)
        if np.ptp(dna) == 0:
            return np.zeros(dna.shape, np.int32)  # cellpose divides by the range of the image
        channels = {"channels": [0, 0]} if self.version_3 else {}
        masks = self._nuclei_model.eval(dna, diameter=self.spec.nuclei.diameter, **channels)[0]
        return _renumber(np.asarray(masks))

    def cells(self, images: np.ndarray, nuclei: np.ndarray) -> np.ndarray:
        """Label cells; see :class:`~cytobench.imaging.segmentation.Segmenter`."""
        if not nuclei.any():
            return np.zeros(nuclei.shape, np.int32)
        # First what is to be segmented, then the nuclei: the order of the channels that both versions were trained on.
        pair = np.stack([_mean_channel(images), (nuclei > 0).astype(np.float32)])
        channels = {"channels": [1, 2]} if self.version_3 else {}
        masks = self._cells_model.eval(pair, channel_axis=0, **channels)[0]
        return cells_of_nuclei(np.asarray(masks), nuclei)


def cells_of_nuclei(masks: np.ndarray, nuclei: np.ndarray) -> np.ndarray:
    """Give each nucleus the mask that most of it lies in.

    A mask of several nuclei is divided among them by distance, a mask of none is dropped, and a nucleus without one is a cell
    by itself.

    Args:
        masks: (H, W) labels of the cells found, in any order.
        nuclei: (H, W) labels 1 to n.

    Returns:
        (H, W) int32 labels; cell k holds all of nucleus k.
    """
    overlaps = np.zeros((nuclei.max() + 1, masks.max() + 1), np.int64)
    np.add.at(overlaps, (nuclei[nuclei > 0], masks[nuclei > 0]), 1)
    home = overlaps.argmax(axis=1)
    home[0] = 0
    cells = nuclei.astype(np.int32)
    for mask, box in enumerate(ndimage.find_objects(masks), 1):
        owners = np.flatnonzero(home == mask)
        if box is None or not len(owners):
            continue
        theirs = np.where(np.isin(nuclei[box], owners), nuclei[box], 0)
        nearest = ndimage.distance_transform_edt(theirs == 0, return_distances=False, return_indices=True)
        free = (masks[box] == mask) & (nuclei[box] == 0)
        cells[box][free] = theirs[tuple(nearest)][free]
    return cells


def _mean_channel(images: np.ndarray) -> np.ndarray:
    """Average the channels, each divided by its own range so that none outweighs the others."""
    low, high = np.quantile(images, [0.01, 0.995], axis=(1, 2), keepdims=True)
    return np.mean((images - low) / np.maximum(high - low, np.finfo(np.float32).tiny), axis=0).astype(np.float32)


def _renumber(labels: np.ndarray) -> np.ndarray:
    """The same labels as 1 to n without gaps; 0 stays the background even where there is none."""
    present = np.unique(labels[labels > 0])
    return np.where(labels > 0, np.searchsorted(present, labels) + 1, 0).astype(np.int32)
