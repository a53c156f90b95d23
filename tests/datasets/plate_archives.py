"""A tiny image set in BBBC021's layout: the tables' own columns, small 16-bit TIFFs, one archive a plate."""

import io
import stat
import uuid
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

PLATES = ("Week1_22123", "Week1_22141", "Week4_27481")
IMAGE_TABLE, MOA_TABLE = "BBBC021_v1_image.csv", "BBBC021_v1_moa.csv"
WAVELENGTHS = {"DAPI": 1, "Tubulin": 2, "Actin": 4}


def archive_of(plate: str) -> str:
    return f"BBBC021_v1_images_{plate}.zip"


@cache
def image_table() -> pd.DataFrame:
    """Two wells of two fields on each plate, in the 13 columns of the official table and their order."""
    rows = []
    for plate in PLATES:
        week = plate.split("_")[0]
        for well, compound, dose in (("B02", "DMSO", 0.0), ("D05", "taxol", 0.3)):
            for site in (1, 2):
                row: dict[str, object] = {"TableNumber": int(week[4:]), "ImageNumber": len(rows) + 1}
                for channel, wavelength in WAVELENGTHS.items():
                    guid = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{plate}{well}{site}{channel}")).upper()
                    row[f"Image_FileName_{channel}"] = f"{well}_s{site}_w{wavelength}{guid}.tif"
                    row[f"Image_PathName_{channel}"] = f"{week}/{plate}"
                row |= {"Image_Metadata_Plate_DAPI": plate, "Image_Metadata_Well_DAPI": well, "Replicate": 1}
                rows.append(row | {"Image_Metadata_Compound": compound, "Image_Metadata_Concentration": dose})
    return pd.DataFrame(rows)


def tables() -> dict[str, bytes]:
    moa = '"compound",concentration,"moa"\n"taxol",0.300000,"Microtubule stabilizers"\n"DMSO",0.000000,"DMSO"\n'
    return {IMAGE_TABLE: image_table().to_csv(index=False).encode(), MOA_TABLE: moa.encode()}


def names_of(plate: str) -> list[str]:
    rows = image_table()[image_table()["Image_Metadata_Plate_DAPI"] == plate]
    return sorted(rows[[f"Image_FileName_{channel}" for channel in WAVELENGTHS]].to_numpy().ravel())


@cache
def tiff(name: str, shape: tuple[int, int] = (80, 96)) -> bytes:
    """A picture of 12-bit noise, times 16, as the screen's camera gave."""
    generator = np.random.default_rng(list(name.encode()))
    file = io.BytesIO()
    tifffile.imwrite(file, (generator.integers(0, 4096, shape) * 16).astype(np.uint16))
    return file.getvalue()


@cache
def images_of(plate: str) -> Mapping[str, bytes]:
    return {name: tiff(name) for name in names_of(plate)}


def zipped(members: Mapping[str, bytes] | Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    """A zip archive of these members, in their order; equal members give equal bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            member = zipfile.ZipInfo(name) if isinstance(name, str) else name  # of 1980, not of now
            if isinstance(name, str):
                member.external_attr = (stat.S_IFDIR | 0o755 if member.is_dir() else stat.S_IFREG | 0o644) << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def archive(plate: str, folder: str | None = None, **changes: bytes) -> bytes:
    """A plate's archive, its images in ``folder`` (its own by default); ``changes`` replace images."""
    folder = f"{plate}/" if folder is None else folder
    return zipped({f"{folder}{name}": content for name, content in (images_of(plate) | changes).items()})


def served() -> dict[str, bytes]:
    """All files of the tiny set's server."""
    return tables() | {archive_of(plate): archive(plate) for plate in PLATES}


def write_images(folder: Path, plates: Iterable[str] = PLATES, layout: str = "{plate}") -> Path:
    """The set unpacked, tables and images, as in ``layout``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in tables().items():
        (folder / name).write_bytes(content)
    for plate in plates:
        place = folder / layout.format(week=plate.split("_")[0], plate=plate)
        place.mkdir(parents=True)
        for name, content in images_of(plate).items():
            (place / name).write_bytes(content)
    return folder
