"""BBBC021's plate map: which compound, at which concentration, is in which well (Caie et al. 2010; Ljosa et al. 2012)."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from functools import cache
from pathlib import Path

import pandas as pd
import pooch

from cytobench.datasets.locations import cache_folder, data_folder
from cytobench.errors import CytoBenchError

IMAGE_TABLE = "BBBC021_v1_image.csv"
IMAGE_TABLE_URL = f"https://data.broadinstitute.org/bbbc/BBBC021/{IMAGE_TABLE}"
IMAGE_TABLE_SHA256 = "8abc16b4189721901af111387ce5fbace475344708331c9b0f0d82638d46abeb"
"""Of the 3,656,374 bytes of the official table."""


def plate_map() -> pd.DataFrame:
    """Return what is in each of the 3,300 wells.

    The official image table is read under ``CYTOBENCH_DATA`` or fetched once, and checked by its sha256.

    Returns:
        One row a well: ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Compound``, ``Metadata_Concentration`` (micromolar).
    """
    return _plate_map(_image_table()).copy()


def annotate(profiles: pd.DataFrame, where: str) -> pd.DataFrame:
    """Add compound and concentration to profiles that have plate and well only; an unknown well is named."""
    wells = plate_map()
    keys = ["Metadata_Plate", "Metadata_Well"]
    known = wells.columns.difference(keys)
    joined = profiles.drop(columns=known, errors="ignore").merge(wells, on=keys, how="left", validate="many_to_one")
    unknown = joined["Metadata_Compound"].isna()
    if unknown.any():
        row = int(unknown.argmax())
        plate, well = joined.loc[row, keys]
        what = "plate" if plate not in set(wells["Metadata_Plate"]) else "well"
        raise CytoBenchError(
            f"{where}: row {row} is plate {plate}, well {well}, a {what} that BBBC021 does not have "
            f"({int(unknown.sum())} such rows); correct it, or give the table Metadata_Compound and Metadata_Concentration"
        )
    return joined


def _image_table() -> Path:
    data = data_folder()
    for candidate in (f"{IMAGE_TABLE}.gz", IMAGE_TABLE):
        if data is not None and (data / "bbbc021" / candidate).is_file():
            return data / "bbbc021" / candidate
    try:
        return Path(pooch.retrieve(IMAGE_TABLE_URL, f"sha256:{IMAGE_TABLE_SHA256}", IMAGE_TABLE, cache_folder() / "bbbc021"))
    except (OSError, ValueError) as error:
        raise CytoBenchError(
            f"the BBBC021 image table could not be fetched from {IMAGE_TABLE_URL} ({' '.join(str(error).split())[:200]}); "
            f"set CYTOBENCH_DATA to a folder with bbbc021/{IMAGE_TABLE}, "
            "or give the table Metadata_Compound and Metadata_Concentration"
        ) from None


@cache
def _plate_map(path: Path) -> pd.DataFrame:
    raw = path.read_bytes()
    try:
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error):
        raw = b""
    if hashlib.sha256(raw).hexdigest() != IMAGE_TABLE_SHA256:
        raise CytoBenchError(
            f"{path}: damaged, or not the official table (its sha256 is not {IMAGE_TABLE_SHA256[:12]}...); fetch it again"
        )
    columns = {
        "Image_Metadata_Plate_DAPI": "Metadata_Plate", "Image_Metadata_Well_DAPI": "Metadata_Well",
        "Image_Metadata_Compound": "Metadata_Compound", "Image_Metadata_Concentration": "Metadata_Concentration",
    }  # fmt: skip
    fields = pd.read_csv(io.BytesIO(raw), usecols=list(columns)).rename(columns=columns)
    return fields[list(columns.values())].drop_duplicates(ignore_index=True)
