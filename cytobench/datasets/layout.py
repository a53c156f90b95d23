"""BBBC021's layout: what its tables, archives and channels are called, and where a plate lies in a folder."""

from __future__ import annotations

from pathlib import Path

IMAGE_TABLE, MOA_TABLE = "BBBC021_v1_image.csv", "BBBC021_v1_moa.csv"

CHANNELS = {"DAPI": 1, "Tubulin": 2, "Actin": 4}
"""Channel -> the wavelength in a file's name, in the order of the image table."""

CONTROL = "DMSO"
"""The compound of the negative control."""

SIMULATED = "simulated.json"
"""A file that marks an image set as drawn."""

ARCHIVES = "archives"
"""The folder where archives lie that were downloaded."""


def archive_name(plate: str) -> str:
    """Return what a plate's archive is called."""
    return f"BBBC021_v1_images_{plate}.zip"


def week_of(plate: str) -> str:
    """Return the batch of a plate: ``Week1`` of ``Week1_22123``."""
    return plate.partition("_")[0]


def plate_folder(folder: Path, plate: str) -> Path | None:
    """Return the folder with a plate's images, ``Week1_22123/`` or ``Week1/Week1_22123/``; None where there is none."""
    return next((path for path in (folder / plate, folder / week_of(plate) / plate) if path.is_dir()), None)


def plate_archive(folder: Path, plate: str) -> Path | None:
    """Return a plate's archive, at the top, in its week's folder or where downloads lie; None where there is none."""
    name = archive_name(plate)
    return next(
        (path for path in (folder / name, folder / week_of(plate) / name, folder / ARCHIVES / name) if path.is_file()), None
    )
