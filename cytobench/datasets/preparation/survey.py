"""The first look at a plate: every image is decoded once, what is wrong is listed, and the light is estimated."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cytobench.datasets.image_file import ImageFile
from cytobench.datasets.image_set import FieldOfView
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.imaging.illumination import IlluminationSpec, illumination_function, shrunk
from cytobench.imaging.tiff import ImageError
from cytobench.progress import note
from cytobench.schema import Record

Kind = tuple[tuple[int, int], str]
"""Height and width, and the pixel type, of an image."""


SHOWN = ("plate", "well", "site", "compound", "concentration")
"""What a field's row says of it beside what was found."""


class Fault(Record):
    """An image that cannot be used."""

    plate: str
    well: str
    site: int
    compound: str
    concentration: float
    channel: str
    image: str
    """Its path, from the image set's folder."""
    problem: str


class PlateSurvey(Record):
    """What the images of one plate are like."""

    plate: str
    shape: tuple[int, int] | None
    """Height and width of a field in px, as most images have it; None where no image can be read."""
    dtype: str | None
    faults: tuple[Fault, ...]

    def usable(self, fields: Iterable[FieldOfView]) -> list[FieldOfView]:
        """Leave out the fields with a faulty image."""
        faulty = {(fault.well, fault.site) for fault in self.faults}
        return [field for field in fields if (field.well, field.site) not in faulty]


@dataclass(frozen=True)
class Looked:
    """One image as it was found."""

    kind: Kind | None
    problem: str
    small: np.ndarray | None
    """(h, w) float32, where it could be read."""


def look(fields: Sequence[FieldOfView], spec: IlluminationSpec) -> list[tuple[Looked, ...]]:
    """Read every image of some fields; each field's as a tuple in the order of the channels."""
    return [tuple(_look_at(image, spec) for image in field.images) for field in fields]


def survey(
    folder: Path,
    plate: str,
    fields: Sequence[FieldOfView],
    looked: Sequence[tuple[Looked, ...]],
    channels: Sequence[str],
    spec: PreparationSpec,
    dtype: str | None,
) -> tuple[PlateSurvey, np.ndarray | None]:
    """Say what a plate's images have in common, which do not, and what its light is like.

    Args:
        folder: of the image set.
        plate: its name.
        fields: all of its fields.
        looked: what :func:`look` found of each.
        channels: their names.
        spec: how the light is estimated, and how large a crop is.
        dtype: the pixel type that the store has already; None where this plate decides it.

    Returns:
        The survey, and the illumination functions (C, h, w), or None where there are none.
    """
    found = Counter(one.kind for images in looked for one in images if one.kind and dtype in (None, one.kind[1]))
    common = max(found, key=lambda kind: (found[kind], kind)) if found else None
    faults = []
    usable: list[list[np.ndarray]] = [[] for _ in channels]
    for field, images in zip(fields, looked, strict=True):
        for number, (one, image) in enumerate(zip(images, field.images, strict=True)):
            problem = one.problem or _difference(one.kind, common, dtype) or _too_small(one.kind, spec.crop_size)
            if problem:
                shown = {name: getattr(field, name) for name in SHOWN}
                path = os.path.relpath(str(image), folder)
                faults.append(Fault(**shown, channel=channels[number], image=path, problem=problem))
            elif one.small is not None:
                usable[number].append(one.small)
    shape, kind = common or (None, None)
    surveyed = PlateSurvey(plate=plate, shape=shape, dtype=kind, faults=tuple(faults))
    if spec.illumination.method == "none" or not all(usable):
        return surveyed, None
    if (fewest := min(map(len, usable))) < spec.illumination.fewest_fields:
        note(f"{plate}: {fewest} fields are too few to tell the light from the cells; the plate is not corrected")
        return surveyed, None
    return surveyed, np.stack([illumination_function(np.stack(images), spec.illumination) for images in usable])


def _too_small(kind: Kind | None, crop_size: int) -> str:
    if kind is None or min(kind[0]) >= crop_size:
        return ""
    return f"is {kind[0][1]} x {kind[0][0]} px, smaller than a crop of {crop_size} px"


def _look_at(image: ImageFile, spec: IlluminationSpec) -> Looked:
    try:
        pixels = image.read()
    except ImageError as fault:
        return Looked(None, str(fault), None)
    return Looked((pixels.shape, pixels.dtype.name), "", shrunk(pixels, spec))


def _difference(kind: Kind | None, common: Kind | None, dtype: str | None) -> str:
    """What makes an image's kind another than the common one; empty where nothing does."""
    if kind is None or kind == common:
        return ""
    if common is None:
        return f"its pixels are {kind[1]}, those of the store are {dtype}"
    if kind[1] != common[1]:
        return f"its pixels are {kind[1]}, those of the other images {common[1]}"
    (height, width), (usual_height, usual_width) = kind[0], common[0]
    return f"is {width} x {height} px, the plate's other images are {usual_width} x {usual_height} px"
