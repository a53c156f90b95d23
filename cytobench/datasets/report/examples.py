"""A field of every plate with the outlines of its nuclei and cells, as the preparation kept it."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

from cytobench.datasets.preparation.part import EXAMPLE
from cytobench.datasets.report.pictures import Picture, picture_name
from cytobench.datasets.report.screen import Screen
from cytobench.errors import CytoBenchError


def copy_examples(screen: Screen, folder: Path) -> tuple[Picture, ...]:
    """Copy the pictures of all plates that have one, at their full size."""
    kept = {plate: EXAMPLE.format(plate=plate) for plate in screen.plates}
    return tuple(
        _copied(screen, folder, number, plate, screen.store.path / name)
        for number, (plate, name) in enumerate(kept.items())
        if name in screen.store.manifest.attachments and Path(name).name == name
    )


def _copied(screen: Screen, folder: Path, number: int, plate: str, file: Path) -> Picture:
    name = picture_name("example", number, plate)
    try:
        with Image.open(file) as image:
            width, height = image.size
        shutil.copyfile(file, folder / name)
    except OSError as error:
        raise CytoBenchError(f"{file}: cannot be read as a picture ({error}); make the store again") from None
    return Picture(file=name, width=width, height=height, what=plate, note=_well_of(screen, plate))


def _well_of(screen: Screen, plate: str) -> str:
    """Say which field was kept."""
    shown = screen.fields[(screen.fields["plate"] == plate) & screen.fields["example"]].iloc[0]
    return f"well {shown['well']}, site {shown['site']} ({shown['compound']})"
