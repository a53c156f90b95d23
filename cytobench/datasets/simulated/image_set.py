"""Write an image set in BBBC021's layout: its two tables, one archive a plate, and the mark that it was simulated."""

from __future__ import annotations

import io
import uuid
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import tifffile

from cytobench.datasets.layout import CHANNELS, IMAGE_TABLE, MOA_TABLE
from cytobench.datasets.simulated.parameters import ScreenParameters
from cytobench.schema import Record


class Simulated(Record):
    """``simulated.json``: what marks an image set, and every store made of it, as simulated."""

    schema_version: int = 1
    simulated: Literal[True] = True
    seed: int
    parameters_sha256: str
    note: str = "Drawn by cytobench; no cell was photographed. No figure on these images says anything about biology."


def image_table(wells: pd.DataFrame, seed: int, parameters: ScreenParameters) -> pd.DataFrame:
    """BBBC021's image table: its 13 columns, one row a field, ``parameters.sites`` rows a well.

    Args:
        wells: all wells of the screen, so that a field has the same row whatever plates are drawn.
        seed: what the file names' GUIDs belong to.
        parameters: the screen's.
    """
    fields = wells.loc[wells.index.repeat(parameters.sites)]
    fields = fields.assign(site=fields.groupby(["plate", "well"]).cumcount() + 1)
    columns = {"TableNumber": fields.week.factorize()[0], "ImageNumber": fields.groupby("week").cumcount() + 1}
    for channel in CHANNELS:
        positions = zip(fields.week, fields.plate, fields.well, fields.site, strict=True)
        columns[f"Image_FileName_{channel}"] = [file_name(*position, channel, seed) for position in positions]
        columns[f"Image_PathName_{channel}"] = fields.week + "/" + fields.plate
    columns |= {"Image_Metadata_Plate_DAPI": fields.plate, "Image_Metadata_Well_DAPI": fields.well, "Replicate": fields.replicate}
    concentration = fields.concentration.map("{:g}".format)
    columns |= {"Image_Metadata_Compound": fields.compound, "Image_Metadata_Concentration": concentration}
    return pd.DataFrame(columns)


def file_name(week: str, plate: str, well: str, site: int, channel: str, seed: int) -> str:
    """The name of one image; its GUID is the same for equal seeds."""
    guid = str(uuid.uuid5(uuid.NAMESPACE_OID, f"cytobench {seed} {plate} {well} {site} {channel}")).upper()
    return f"{week}_simulated_{well}_s{site}_w{CHANNELS[channel]}{guid}.tif"


def write_tables(folder: Path, images: pd.DataFrame, drawn: pd.Series, treatments: pd.DataFrame) -> None:
    """Write the MOA table of all ``treatments`` and the rows of the image table that are ``drawn``, quoted as in BBBC021."""
    images[drawn[images.index]].to_csv(folder / IMAGE_TABLE, index=False, lineterminator="\n")
    labelled = treatments[["compound", "concentration", "moa"]].drop_duplicates()
    rows = zip(labelled.compound, labelled.concentration, labelled.moa, strict=True)
    lines = [f"{_quoted(compound)},{concentration:.6f},{_quoted(moa)}\n" for compound, concentration, moa in rows]
    (folder / MOA_TABLE).write_text("".join(['"compound",concentration,"moa"\n', *lines]), encoding="utf-8", newline="")


def add_image(archive: zipfile.ZipFile, name: str, image: np.ndarray) -> None:
    """Add a (height, width) uint16 image as a TIFF, without a time stamp or anything else that would differ between machines."""
    tiff = io.BytesIO()
    tifffile.imwrite(tiff, image, byteorder="<", metadata=None, software="cytobench")
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    archive.writestr(entry, tiff.getvalue())


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Write a (height, width) uint16 label image as a compressed TIFF."""
    tifffile.imwrite(
        path, labels, byteorder="<", metadata=None, software="cytobench", compression="zlib", compressionargs={"level": 1}
    )


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
