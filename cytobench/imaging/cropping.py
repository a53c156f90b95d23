"""Cut a field of view into single-cell crops, each around its nucleus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

NUCLEUS, CYTOPLASM = 2, 1
"""Values of a crop's mask; 0 elsewhere."""


@dataclass(frozen=True)
class Placed:
    """The cells of one field, in the order of their labels."""

    labels: np.ndarray
    """(n,) the cells' labels in the field's segmentation."""
    centres: np.ndarray
    """(n, 2) x and y of the nuclei's centres of mass in px from the field's upper left pixel."""
    nucleus_area: np.ndarray
    """(n,) px."""
    cell_area: np.ndarray
    """(n,) px, the nucleus with it."""

    def __len__(self) -> int:
        return len(self.labels)

    def corners(self, size: int) -> np.ndarray:
        """Upper left pixels (n, 2), row and column, of the crops of ``size`` px around the centres."""
        return np.rint(self.centres[:, ::-1]).astype(np.int64) - size // 2

    def within(self, shape: tuple[int, int], size: int) -> Placed:
        """Those whose crop of ``size`` px lies wholly in a field of ``shape``."""
        corners = self.corners(size)
        kept = np.all((corners >= 0) & (corners + size <= np.asarray(shape)), axis=1)
        return Placed(self.labels[kept], self.centres[kept], self.nucleus_area[kept], self.cell_area[kept])


def place(nuclei: np.ndarray, cells: np.ndarray) -> Placed:
    """Find the cells of a segmented field.

    Args:
        nuclei: (H, W) labels, 0 for background.
        cells: (H, W) labels; cell k holds nucleus k.
    """
    count = int(nuclei.max(initial=0))
    area = np.bincount(nuclei.ravel(), minlength=count + 1)[1:]
    rows, columns = np.nonzero(nuclei)
    owner = nuclei[rows, columns]
    sums = [np.bincount(owner, weights=axis, minlength=count + 1)[1:] for axis in (columns, rows)]
    labels = np.flatnonzero(area) + 1
    centres = np.stack(sums, axis=1)[labels - 1] / area[labels - 1, None]
    cell_area = np.bincount(cells.ravel(), minlength=count + 1)[labels]
    return Placed(labels, centres, area[labels - 1], cell_area)


def cut(image: np.ndarray, corners: np.ndarray, size: int) -> np.ndarray:
    """Cut squares out of an image (..., H, W): (n, ..., size, size), copied."""
    windows = sliding_window_view(image, (size, size), axis=(-2, -1))
    squares = windows[..., corners[:, 0], corners[:, 1], :, :]
    return np.ascontiguousarray(np.moveaxis(squares, -3, 0))


def masks_of(nuclei: np.ndarray, cells: np.ndarray, placed: Placed, size: int) -> np.ndarray:
    """Masks (n, size, size) uint8 of the centred cells: ``NUCLEUS``, ``CYTOPLASM``, 0 elsewhere and in every other cell."""
    corners, own = placed.corners(size), placed.labels[:, None, None]
    inside = (cut(cells, corners, size) == own).astype(np.uint8)
    return np.where(cut(nuclei, corners, size) == own, np.uint8(NUCLEUS), inside * np.uint8(CYTOPLASM))


def without_neighbours(crops: np.ndarray, cells: np.ndarray, placed: Placed) -> np.ndarray:
    """Crops (n, C, size, size) with the pixels of every other cell set to 0; what belongs to no cell stays."""
    size = crops.shape[-1]
    around = cut(cells, placed.corners(size), size)
    others = (around != 0) & (around != placed.labels[:, None, None])
    return np.where(others[:, None], 0, crops).astype(crops.dtype, copy=False)
