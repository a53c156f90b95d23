"""CellProfiler's measurements of each cell: a baseline that is designed, not learned."""

from typing import Literal

import numpy as np
from joblib import Parallel, delayed
from pydantic import Field

from cytobench.errors import CytoBenchError
from cytobench.imaging.crop_masks import segment_crops
from cytobench.imaging.cropping import CYTOPLASM, NUCLEUS
from cytobench.method import CellBatch, Method
from cytobench.schema import Record
from cytobench_methods.cellprofiler.families import choose_families
from cytobench_methods.cellprofiler.measuring import measure

CELLS_A_TASK = 16
"""Small enough to occupy every worker, large enough that what a call costs is shared; fixed, so that results do not depend on
the number of workers."""


class CellProfiler(Method):
    """Size, shape, intensity, texture, granularity, radial distribution and correlation (Stirling et al. 2021).

    Measured by cp_measure (Munoz et al. 2025, doi:10.48550/arXiv.2507.01163) on nucleus, cell and cytoplasm, and named as
    CellProfiler names them: ``Cells_AreaShape_Area``, ``Nuclei_Texture_Contrast_DAPI_3_00_256``.

    Left out are ``AreaShape_NormalizedMoment_0_0``, ``_0_1`` and ``_1_0`` (never finite), ``AreaShape_CentralMoment_0_1`` and
    ``_1_0`` (always zero but for rounding) and the places of objects in the image, which in a crop tell where it was cut. What
    is not defined for a cell is NaN: all of an object that is not there, the texture of one smaller than its scale, Costes'
    coefficients where no threshold is found (of real nuclei, for DAPI and actin, in three of four).
    """

    nan_features = True

    class Options(Record):
        """What is measured."""

        features: Literal["full", "fast"] = "full"
        """``fast`` leaves out the slowest: granularity, radial distribution, Zernike moments and Costes' coefficients."""
        levels: int = Field(default=65535, ge=2)
        """Largest pixel value of the camera, which Costes' thresholds are multiples of: 255 for 8-bit images."""

    def setup(self) -> None:
        """Name the features: those of a drawn cell."""
        if len(set(self.channels)) != len(self.channels):
            raise CytoBenchError(f"channels {', '.join(self.channels)}: two have one name; rename one, as features are named so")
        self._families = choose_families(full=self.options.features == "full", levels=self.options.levels)
        y, x = np.mgrid[-16:16, -16:16]
        mask = np.where(x**2 + y**2 < 49, NUCLEUS, np.where(x**2 + y**2 < 169, CYTOPLASM, 0)).astype(np.uint8)
        images = np.random.default_rng(0).uniform(0.1, 1, (1, len(self.channels), *mask.shape))
        self.feature_names = list(measure(images, mask[None], self.channels, self._families))

    def embed(self, cells: CellBatch) -> np.ndarray:
        """Return (B, D) float32; tasks follow the surrounding ``joblib.parallel_config``."""
        images = cells.images.cpu().numpy().astype(np.float64)
        if not (np.isfinite(images).all() and images.min(initial=0) >= 0 and images.max(initial=0) <= 1):
            raise CytoBenchError("cellprofiler measures images in [0, 1] without NaN; scale them, as -o input.scaling=range does")
        pixels = np.rint(images * np.iinfo(np.uint16).max).astype(np.uint16)
        masks = segment_crops(pixels, cells.channels) if cells.masks is None else cells.masks.cpu().numpy()
        starts = range(0, len(images), CELLS_A_TASK)
        parts = [slice(start, start + CELLS_A_TASK) for start in starts]
        rows = Parallel()(delayed(self._rows)(images[part], masks[part]) for part in parts)
        return np.concatenate([np.empty((0, len(self.feature_names or ())), np.float32), *rows])

    def _rows(self, images: np.ndarray, masks: np.ndarray) -> np.ndarray:
        values = measure(images, masks, self.channels, self._families)
        missing = np.full(len(images), np.nan)  # a family that no object of these cells was measured for
        return np.stack([values.get(name, missing) for name in self.feature_names or ()], axis=1).astype(np.float32)
