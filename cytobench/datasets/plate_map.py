"""BBBC021's plate map: which compound, at which concentration, is in which well (Caie et al. 2010; Ljosa et al. 2012)."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pooch

from cytobench.datasets.layout import IMAGE_TABLE
from cytobench.errors import CytoBenchError
from cytobench.locations import cache_folder, data_folder

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


def refuse_other_contents(profiles: pd.DataFrame, where: str) -> None:
    """Refuse profiles that put into a well of BBBC021 what is not in it; wells of other screens are not looked at.

    Nothing is fetched for this: where the official table is not at hand, nothing is checked.
    """
    path = _local_table()
    if path is None:
        return
    keys = ["Metadata_Plate", "Metadata_Well"]
    said = profiles[[*keys, "Metadata_Compound", "Metadata_Concentration"]].reset_index(drop=True)
    joined = said.merge(_plate_map(path), on=keys, how="left", suffixes=("", "_official"))
    compound, dose = joined["Metadata_Compound_official"], joined["Metadata_Concentration_official"]
    same = (said["Metadata_Compound"] == compound) & np.isclose(said["Metadata_Concentration"], dose)
    other = compound.notna() & ~same
    if other.any():
        row = int(other.argmax())
        plate, well, claimed, at = said.loc[row]
        raise CytoBenchError(
            f"{where}: row {row} says that plate {plate}, well {well} holds {claimed} at {at:g} uM, but in BBBC021 it holds "
            f"{compound[row]} at {dose[row]:g} uM ({int(other.sum())} such rows); correct it, or leave both columns out"
        )


def _local_table() -> Path | None:
    data = data_folder()
    folders = [cache_folder() / "bbbc021"] if data is None else [data / "bbbc021", cache_folder() / "bbbc021"]
    files = (folder / name for folder in folders for name in (f"{IMAGE_TABLE}.gz", IMAGE_TABLE))
    return next((file for file in files if file.is_file()), None)


def _image_table() -> Path:
    found = _local_table()
    if found is not None:
        return found
    try:
        return Path(pooch.retrieve(IMAGE_TABLE_URL, f"sha256:{IMAGE_TABLE_SHA256}", IMAGE_TABLE, cache_folder() / "bbbc021"))
    except (OSError, ValueError) as error:
        raise CytoBenchError(
            f"BBBC021's plate map is not here: set CYTOBENCH_DATA to a folder with bbbc021/{IMAGE_TABLE}, or give the table "
            f"Metadata_Compound and Metadata_Concentration ({IMAGE_TABLE_URL} could not be fetched: {type(error).__name__})"
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
        "Image_Metadata_Plate_DAPI": "Metadata_Plate",
        "Image_Metadata_Well_DAPI": "Metadata_Well",
        "Image_Metadata_Compound": "Metadata_Compound",
        "Image_Metadata_Concentration": "Metadata_Concentration",
    }
    fields = pd.read_csv(io.BytesIO(raw), usecols=list(columns)).rename(columns=columns)
    return fields[list(columns.values())].drop_duplicates(ignore_index=True)
