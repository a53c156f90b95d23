"""What a cell image shows of the cell's anatomy: nucleus, stain contents, and how stains lie about the nucleus.

The same is measured of real and of synthesised cells, in images as a model sees them, so that the two can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import Field, model_validator
from scipy.ndimage import distance_transform_edt

from cytobench.errors import CytoBenchError
from cytobench.imaging.crop_masks import Found
from cytobench.imaging.cropping import NUCLEUS
from cytobench.phenotypes.pictures import PALETTE, spoken, stain_of
from cytobench.phenotypes.segmenting import segmented
from cytobench.schema import Record

STAINS = tuple(PALETTE)
"""``dna``, ``tubulin``, ``actin``."""

CONTENT_UNIT = "mean over the cell, 0 to 1"
UNITS = {"nucleus-area": "px²", "tubulin-halo": "ratio, 1 is none"} | {f"{stain}-content": CONTENT_UNIT for stain in STAINS}
"""The properties of a cell, and what each is measured in."""


def property_title(name: str) -> str:
    """A property's or a stain's name over a picture: ``tubulin-content`` is ``Tubulin content``."""
    text = spoken(name.replace("-", " "))
    return text[0].upper() + text[1:]


class AnatomySpec(Record):
    """How stains are measured about the nucleus; lengths are pixels of the images that the model sees."""

    innermost: float = Field(-10, lt=0)
    """Where the radial profile begins: signed distance from the nucleus's boundary, negative inside."""
    outermost: float = Field(16, gt=0)
    """Where it ends."""
    bin: float = Field(2, gt=0)
    """Width of its bins."""
    ring: float = Field(4, gt=0)
    """How far outside the nucleus the halo is measured."""

    @model_validator(mode="after")
    def _whole_bins(self) -> AnatomySpec:
        bins = (self.outermost - self.innermost) / self.bin
        if abs(bins - round(bins)) > 1e-9:
            raise ValueError("bins do not fill the range from innermost to outermost; change bin")
        return self

    @property
    def edges(self) -> np.ndarray:
        """(B + 1,) the edges of the bins."""
        return np.linspace(self.innermost, self.outermost, round((self.outermost - self.innermost) / self.bin) + 1)

    @property
    def centres(self) -> np.ndarray:
        """(B,) the middles of the bins."""
        return (self.edges[1:] + self.edges[:-1]) / 2


@dataclass(frozen=True)
class Anatomy:
    """Measurements of n cells.

    An image cannot improve a comparison by being left out: where no nucleus is found, all but its area is measured about the
    central disc that stands for one, and of a channel that is black the profile and the halo are 0.
    """

    channels: tuple[str, ...]
    found: np.ndarray
    """(n,) whether there is a nucleus."""
    areas: np.ndarray
    """(n,) area of the nucleus, px²; NaN where none is found."""
    contents: np.ndarray
    """(n, C) mean intensity over the cell, in [0, 1]. Where each channel of a cell was divided by its own maximum (scaling
    ``luminance``) this is how evenly the stain fills the cell: absolute amounts are then not seen."""
    profiles: np.ndarray
    """(n, C, B) mean intensity in bins of distance from the nucleus's boundary, over the cell's own pixels, divided by the mean
    over the cell; NaN where the cell has no pixel in the bin, and 0 in every bin where the channel is black."""
    halos: np.ndarray
    """(n, C) mean over the ring around the nucleus, in the cell, by the mean over the nucleus; 0 where nothing of the cell is
    around the nucleus, or nothing of the channel over it."""

    def channel(self, stain: str) -> int | None:
        """The index of the first channel that shows a stain; None where none does."""
        return next((number for number, name in enumerate(self.channels) if stain_of(name) == stain), None)

    @cached_property
    def properties(self) -> dict[str, np.ndarray]:
        """The named properties (n,) that these channels show, of ``UNITS``."""
        known = {stain: self.channel(stain) for stain in STAINS}
        values = {f"{stain}-content": self.contents[:, at] for stain, at in known.items() if at is not None}
        values["nucleus-area"] = self.areas
        if known["tubulin"] is not None:
            values["tubulin-halo"] = self.halos[:, known["tubulin"]]
        return values

    @property
    def spreads(self) -> dict[str, float]:
        """The standard deviation of each property over the cells with a nucleus; NaN where they are all alike."""
        known = {name: values[self.found & np.isfinite(values)] for name, values in self.properties.items()}
        varied = {name: len(values) > 1 and np.ptp(values) > 0 for name, values in known.items()}
        return {name: float(values.std(ddof=1)) if varied[name] else np.nan for name, values in known.items()}


def measure_anatomy(images: np.ndarray, channels: Sequence[str], spec: AnatomySpec | None = None) -> Anatomy:
    """Segment the centred cell of each image and measure it, about 8 ms an image.

    Args:
        images: (n, C, H, W) in [0, 1].
        channels: C names; nuclei are looked for in the one that is called after DNA, else in the first.
        spec: distances; the defaults where None.

    Raises:
        CytoBenchError: where an image holds NaN or infinity, as those of a training that diverged.
    """
    if not np.isfinite(images).all():
        raise CytoBenchError("an image holds NaN or infinity and cannot be measured; where training diverged, train again")
    spec = spec or AnatomySpec()
    images, cells = images.clip(0, 1), segmented(images, channels)
    found = np.array([one is not Found.NONE for one in cells.found], bool)
    measured = [_measure(image, mask, spec) for image, mask in zip(images, cells.masks, strict=True)]
    areas = np.where(found, (cells.masks == NUCLEUS).sum((1, 2)), np.nan)
    shapes = (len(channels),), (len(channels), len(spec.centres)), (len(channels),)
    parts = (np.array([one[k] for one in measured], float).reshape(-1, *shape) for k, shape in enumerate(shapes))
    return Anatomy(tuple(channels), found, areas, *parts)


def boundary_distance(nucleus: np.ndarray) -> np.ndarray:
    """(H, W) signed distance of each pixel's middle from the boundary of a nucleus (H, W) bool, px: negative inside."""
    inside, outside = distance_transform_edt(nucleus), distance_transform_edt(~nucleus)
    return np.where(nucleus, 0.5 - inside, outside - 0.5)  # pixels on either side of the boundary are half a pixel from it


def _measure(image: np.ndarray, mask: np.ndarray, spec: AnatomySpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Contents (C,), profiles (C, B) and halos (C,) of one cell; ``image`` (C, H, W), ``mask`` (H, W)."""
    cell, distance = mask > 0, boundary_distance(mask == NUCLEUS)
    pixels, away = image[:, cell].astype(float), distance[cell]
    content, edges = pixels.mean(axis=1), spec.edges
    counts = np.histogram(away, edges)[0]
    sums = np.array([np.histogram(away, edges, weights=values)[0] for values in pixels])
    within, ring = pixels[:, away < 0].mean(axis=1), pixels[:, (away > 0) & (away <= spec.ring)]
    around = ring.mean(axis=1) if ring.size else np.zeros(len(image))
    return content, _ratio(_ratio(sums, counts, np.nan), content[:, None]), _ratio(around, within)


def _ratio(above: np.ndarray, below: np.ndarray, otherwise: float = 0.0) -> np.ndarray:
    """``otherwise`` where there is nothing to divide by."""
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, otherwise), where=below > 0)
