"""The classical segmenter: threshold, watershed, merging of pieces by shape, and an outline of its own for every nucleus."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.segmentation import watershed

from cytobench.imaging.background import above_background, noise_after
from cytobench.imaging.blocks import block_mean, enlarge_labels
from cytobench.imaging.pieces import merge_pieces
from cytobench.imaging.segmentation import NucleiSpec, SegmentationSpec

WORKING_DIAMETER = 20
"""Images are averaged over blocks until nuclei are about this many pixels across: more resolution does not help to find them."""
LARGE_FIELD = 2**19
"""Pixels above which the diameter is estimated at half the resolution."""
SEED_DISTANCE = 0.15
"""Least distance of two seeds, nucleus diameters: well below one, because pieces of one nucleus are merged again."""
BODY = 0.7
"""A nucleus's own brightness is this quantile of its pixels: above its rim, below its bright spots."""
NUCLEUS_HOLE, CELL_HOLE = 0.05, 0.5
"""Holes that are filled, as nucleoli are dark and so is a nucleus in the other channels; area, in squared nucleus diameters."""
DIAMETER_OF_DEPTH = 2.25
"""Diameter over the 90th percentile of depth in the foreground: 2.92 in a disc, less where nuclei touch and have haloes."""
DNA_QUANTILE, CELL_QUANTILE = 0.1, 0.03
"""How much of the image lies below the background: less for cells, which may fill the field."""


class WatershedSegmenter:
    """Nuclei and cells by thresholds and watersheds, at the scale of the nuclei."""

    def __init__(self, spec: SegmentationSpec) -> None:
        self.spec = spec

    def nuclei(self, dna: np.ndarray) -> np.ndarray:
        """Label nuclei; see :class:`~cytobench.imaging.segmentation.Segmenter`."""
        dna = np.asarray(dna, np.float32)
        spec = self.spec.nuclei
        diameter = spec.diameter or _estimate_diameter(dna, spec.contrast)
        block = max(1, round(diameter / WORKING_DIAMETER))
        image, diameter = above_background(block_mean(dna, block), DNA_QUANTILE), diameter / block
        smooth = np.maximum(ndimage.gaussian_filter(image, spec.smoothing * diameter), 0)
        if not smooth.any():
            return np.zeros(dna.shape, np.int32)
        labels, level = _find(smooth, spec.contrast * noise_after(image, spec.smoothing * diameter), diameter, spec)
        labels = enlarge_labels(labels, smooth / level - 1, block, dna.shape)
        return _drop(labels, spec.smallest * np.pi / 4 * (diameter * block) ** 2)

    def cells(self, images: np.ndarray, nuclei: np.ndarray) -> np.ndarray:
        """Label cells; see :class:`~cytobench.imaging.segmentation.Segmenter`."""
        spec, areas = self.spec.cells, np.bincount(nuclei.ravel())[1:]
        if not areas.any():
            return np.zeros(nuclei.shape, np.int32)
        diameter = float(np.sqrt(np.median(areas[areas > 0]) * 4 / np.pi))
        block = max(1, round(diameter / WORKING_DIAMETER * 1.5))
        brightness = _brightness(images, block, spec.smoothing * diameter / block)
        seeds = np.zeros(brightness.shape, np.int32)
        y, x = np.nonzero(nuclei)
        seeds[y // block, x // block] = nuclei[y, x]
        distance = ndimage.distance_transform_edt(seeds == 0) * (block / diameter)
        threshold = max(spec.foreground * threshold_otsu(brightness), np.finfo(np.float32).tiny)
        height = np.minimum(brightness / threshold - 1, spec.reach - distance)
        body = _fill_holes((height > 0) | (seeds > 0), CELL_HOLE * (diameter / block) ** 2)
        found = watershed(distance - spec.brightness * brightness, seeds, mask=body)
        found = enlarge_labels(found, height, block, nuclei.shape)
        return np.where(nuclei > 0, nuclei, found).astype(np.int32)


def _find(smooth: np.ndarray, faintest: float, diameter: float, spec: NucleiSpec) -> tuple[np.ndarray, np.ndarray]:
    """Label nuclei twice, the second time in the bright cores alone, where fewer touch; also the level at which each ends."""
    # Square roots lie nearer together, so that one threshold serves bright and faint nuclei.
    root, hole = np.sqrt(smooth), NUCLEUS_HOLE * diameter**2
    foreground = _fill_holes(root > max(threshold_otsu(root), np.sqrt(faintest)), hole)
    bright = ndimage.gaussian_filter(root, 0.06 * diameter)
    pieces = merge_pieces(_split(foreground, bright, diameter), root, spec.merging)
    cores = _fill_holes(foreground & (smooth > spec.core * _own_brightness(pieces, smooth)), hole)
    seeds = merge_pieces(_split(cores, bright, diameter), root, spec.merging)
    labels = watershed(-root, seeds, mask=foreground)
    level = spec.edge * _own_brightness(labels, smooth)
    return np.where(_fill_holes(smooth > level, hole), labels, 0), level


def _split(mask: np.ndarray, bright: np.ndarray, diameter: float) -> np.ndarray:
    """Divide a mask at its necks and its valleys of brightness, into too many pieces."""
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 0.05 * diameter)
    height = depth / np.median(depth[mask]) + bright / np.median(bright[mask])
    width = 2 * max(1, round(SEED_DISTANCE * diameter)) + 1
    seeds, _ = ndimage.label(mask & (height == ndimage.maximum_filter(height, width)), np.ones((3, 3)))
    return watershed(-height, seeds, mask=mask)


def _own_brightness(labels: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """(H, W) the brightness of the nucleus that each pixel is in; infinite in the background."""
    inside = np.flatnonzero(labels)
    order = inside[np.lexsort((smooth.ravel()[inside], labels.ravel()[inside]))]
    counts = np.bincount(labels.ravel()[inside], minlength=labels.max() + 1)
    at = np.cumsum(counts) - counts + (BODY * counts).astype(int)
    own = smooth.ravel()[order[np.minimum(at, len(order) - 1)]] if len(order) else np.zeros(len(counts))
    return np.where((counts > 0) & (own > 0), own, np.inf)[labels]


def _drop(labels: np.ndarray, smallest: float) -> np.ndarray:
    """Keep the largest piece of each nucleus, unless it is smaller than this; number the rest anew."""
    pieces = label(labels, connectivity=1)
    area = np.bincount(pieces.ravel())
    nucleus = np.zeros(len(area), int)
    nucleus[pieces.ravel()] = labels.ravel()
    largest = np.zeros(labels.max() + 1, int)
    np.maximum.at(largest, nucleus, area)
    kept = (nucleus > 0) & (area == largest[nucleus]) & (area >= smallest)
    return (np.cumsum(kept) * kept).astype(np.int32)[pieces]


def _estimate_diameter(dna: np.ndarray, contrast: float) -> float:
    """Typical diameter of a nucleus, pixels, from how deep the foreground is."""
    block = 2 if dna.size > LARGE_FIELD else 1
    image = above_background(block_mean(dna, block), DNA_QUANTILE)
    smooth = np.maximum(ndimage.gaussian_filter(image, 1), 0)
    mask = smooth > max(threshold_otsu(np.sqrt(smooth)) ** 2, contrast * noise_after(image, 1))
    if not mask.any():
        return WORKING_DIAMETER
    return max(4.0, DIAMETER_OF_DEPTH * block * float(np.percentile(ndimage.distance_transform_edt(mask)[mask], 90)))


def _brightness(images: np.ndarray, block: int, sigma: float) -> np.ndarray:
    """The channels in one image, about 0 to 1, as square roots; a channel of noise adds little, for the noise is averaged out."""
    total = np.zeros([-(-size // block) for size in images.shape[1:]], np.float32)
    for image in np.asarray(images, np.float32):
        span = np.ptp(np.quantile(image[::4, ::4], [0.02, 0.995])) or np.ptp(image)
        if span > 0:
            above = above_background(block_mean(image, block), CELL_QUANTILE)
            total += np.clip(ndimage.gaussian_filter(above, sigma) / span, 0, 1)
    return np.sqrt(total / len(images))


def _fill_holes(mask: np.ndarray, largest: float) -> np.ndarray:
    """Fill the holes of at most so many pixels."""
    holes, _ = ndimage.label(~mask)
    return mask | (np.bincount(holes.ravel()) <= largest)[holes]
