"""CellProfiler's measurements of each cell: a baseline that is designed, not learned."""

from typing import Literal

import numpy as np
from pydantic import Field

from cytobench.errors import CytoBenchError
from cytobench.imaging.cropping import CYTOPLASM, NUCLEUS
from cytobench.method import CellBatch, Method
from cytobench.schema import Record
from cytobench.workers import run_tasks
from cytobench_methods.cellprofiler.families import choose_families
from cytobench_methods.cellprofiler.measuring import measure

GRIDS = (255, 65535)
"""Largest values of 8-bit and 16-bit pixels, coarsest first."""

CELLS_A_TASK = 8
"""Small enough to occupy every worker, large enough that what a call costs is shared (16 are at most 3 % faster on one core);
fixed, so that results do not depend on the number of workers."""


class CellProfiler(Method):
    """Size, shape, intensity, texture, granularity, radial distribution and correlation (Stirling et al. 2021).

    Measured by cp_measure (Munoz et al. 2025, doi:10.48550/arXiv.2507.01163) on nucleus, cell and cytoplasm, and named as
    CellProfiler names them: ``Cells_AreaShape_Area``, ``Nuclei_Texture_Contrast_DAPI_3_00_256``.

    Left out are ``AreaShape_NormalizedMoment_0_0``, ``_0_1`` and ``_1_0`` (never finite), ``AreaShape_CentralMoment_0_1`` and
    ``_1_0`` (always zero but for rounding), the places of objects in the image, which in a crop tell where it was cut, and
    ``Correlation_Slope``, which CellProfiler measures of images only. What is not defined for a cell is NaN: all of an object
    that is not there, the texture of one smaller than its scale, Costes' coefficients where no threshold is found (of real
    nuclei, for DAPI and actin, in three of four).
    """

    nan_features = True

    class Options(Record):
        """What is measured."""

        features: Literal["full", "fast"] = "full"
        """``fast`` leaves out the slowest: granularity, radial distribution, Zernike moments and Costes' coefficients."""
        levels: int = Field(default=65535, ge=2)
        """What a pixel of 1 was before scaling, which Costes' thresholds are fractions of: 65535 in 16-bit images, whatever the
        camera's depth, and 255 in 8-bit ones."""

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
        if cells.masks is None:
            raise CytoBenchError("cellprofiler measures cells inside their masks, but it was given none; set -o input.masks=true")
        images = cells.images.cpu().numpy().astype(np.float64)
        if not (np.isfinite(images).all() and images.min(initial=0) >= 0 and images.max(initial=0) <= 1):
            raise CytoBenchError("cellprofiler measures images in [0, 1] without NaN; scale them, as -o input.scaling=range does")
        self._check_levels(images)
        masks = cells.masks.cpu().numpy()
        parts = [slice(start, start + CELLS_A_TASK) for start in range(0, len(images), CELLS_A_TASK)]
        rows = run_tasks(self._rows, [(images[part], masks[part]) for part in parts])
        return np.concatenate([np.empty((0, len(self.feature_names or ())), np.float32), *rows])

    def _check_levels(self, images: np.ndarray) -> None:
        """Refuse ``levels`` that Costes' thresholds would be wrong with: images scaled by their range show their grid."""
        if self.options.features != "full" or self.recipe.input.scaling != "range":
            return
        grey = images[(images > 0) & (images < 1)]  # black and white are on every grid
        levels = next((levels for levels in GRIDS if is_on_grid(grey, levels)), self.options.levels)
        if grey.size and levels != self.options.levels:
            bits, given = levels.bit_length(), self.options.levels
            raise CytoBenchError(f"the images have {bits} bits, but levels is {given}; set -o levels={levels}")

    def _rows(self, cells: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        images, masks = cells
        values = measure(images, masks, self.channels, self._families)
        missing = np.full(len(images), np.nan)  # a family that no object of these cells was measured for
        return np.stack([values.get(name, missing) for name in self.feature_names or ()], axis=1).astype(np.float32)


def is_on_grid(pixels: np.ndarray, levels: int) -> bool:
    """Whether float32 pixels are multiples of 1 / levels."""
    multiples = pixels * levels
    return bool(np.abs(multiples - np.rint(multiples)).max(initial=0) <= levels * np.finfo(np.float32).eps)
