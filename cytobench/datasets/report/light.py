"""The illumination functions of every plate and channel, on one colour scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cytobench.datasets.preparation.plate_tables import ILLUMINATION
from cytobench.datasets.report.colour_scale import ColourScale
from cytobench.datasets.report.pictures import Picture, side_by_side, write_picture
from cytobench.datasets.report.screen import Screen
from cytobench.errors import CytoBenchError
from cytobench.imaging.illumination import enlarged
from cytobench.schema import Record

WIDTH = 100
"""px of a picture of one function."""

LEAST_HIGH = 1.1
"""Where the colour scale ends at least: an even light shall look even."""


class Light(Record):
    """All illumination functions; a picture shows a plate's channels side by side."""

    scale: ColourScale
    pictures: tuple[Picture, ...]


def draw_light(screen: Screen, folder: Path) -> Light | None:
    """Draw the functions of all plates that have them; None where no plate has."""
    functions = {plate: light for plate in screen.plates if (light := _read(screen, plate)) is not None}
    if not functions:
        return None
    scale = ColourScale(low=1, high=max(LEAST_HIGH, *(float(light.max()) for light in functions.values())))
    pictures = []
    for number, (plate, light) in enumerate(functions.items()):
        row = side_by_side([scale.pixels(function) for function in enlarged(light, _shown(light.shape))])
        ranges = zip(screen.store.channels, light.min(axis=(1, 2)), light.max(axis=(1, 2)), strict=True)
        note = ", ".join(f"{channel} {low:.2f} to {high:.2f}" for channel, low, high in ranges)
        pictures.append(write_picture(folder, "illumination", number, row, plate, note))
    return Light(scale=scale, pictures=tuple(pictures))


def _shown(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the height and width of a picture of a function, of the field's proportions."""
    return round(WIDTH * shape[-2] / shape[-1]), WIDTH


def _read(screen: Screen, plate: str) -> np.ndarray | None:
    name = ILLUMINATION.format(plate=plate)
    if name not in screen.store.manifest.attachments or Path(name).name != name:
        return None
    file = screen.store.path / name
    try:
        light: np.ndarray = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CytoBenchError(f"{file}: cannot be read ({error}); make the store again") from None
    if light.ndim != 3 or len(light) != len(screen.store.channels):
        raise CytoBenchError(f"{file}: holds {light.shape}, not a function for each channel; make the store again")
    return light
