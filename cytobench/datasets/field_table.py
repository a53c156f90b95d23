"""The table of an image set: which field of view shows which well, and where its images are said to lie."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from cytobench.datasets.layout import CHANNELS, IMAGE_TABLE
from cytobench.errors import CytoBenchError, nearest
from cytobench.profiling.aggregate import wells_of

FIELD_TABLE = "fields.csv"
RULES = {
    "plate": (r"[^./\\\s][^/\\\n\r\t]*(?<!\s)", "files are named after plates, so no slash, no first dot, no blanks around it"),
    "well": (r"[A-Z]{1,2}\d\d", "a well is a row and a column of two digits, B02"),
    "compound": (r"(?!(?i:dmso)$)\S(.*\S)?|DMSO", "no blanks around it, and the negative control is written DMSO"),
}
"""What a name must look like; spelt otherwise it would be another plate, well or compound without a word."""
KNOWN = ("plate", "well", "site", "replicate", "compound", "concentration")
"""What is known of a field beside its images; site and replicate may be missing from a table."""


def find_field_table(folder: Path) -> Path:
    """Return the table of an image set's folder."""
    if not folder.is_dir():
        raise CytoBenchError(f"{folder}: no such folder")
    names = (IMAGE_TABLE, f"{IMAGE_TABLE}.gz", FIELD_TABLE)
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise CytoBenchError(
            f"{folder}: not an image set (it has neither {IMAGE_TABLE} nor {FIELD_TABLE}); 'cytobench data fetch' brings BBBC021"
        )
    return found


def read_field_table(path: Path) -> pd.DataFrame:
    """Return one row a field: ``KNOWN`` and a column a channel with the image's path; a gap is named."""
    return _read_bbbc021(path) if path.name.startswith(IMAGE_TABLE) else _read_any(path)


def content_sha256(path: Path) -> str:
    """Return the sha256 of a table, unpacked where it is a ``.gz``."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_bbbc021(path: Path) -> pd.DataFrame:
    text = {f"Image_{kind}Name_{channel}": str for kind in ("File", "Path") for channel in CHANNELS}
    raw = _read_csv(path, {**text, "Image_Metadata_Plate_DAPI": str, "Image_Metadata_Well_DAPI": str})
    names = {
        "Image_Metadata_Plate_DAPI": "plate",
        "Image_Metadata_Well_DAPI": "well",
        "Replicate": "replicate",
        "Image_Metadata_Compound": "compound",
        "Image_Metadata_Concentration": "concentration",
    }
    for column in (*names, *text):
        if column not in raw:
            raise CytoBenchError(f"{path}: has no column {column!r}; it is not BBBC021's image table")
    table = raw.rename(columns=names)[list(names.values())]
    table["site"] = raw["Image_FileName_DAPI"].str.extract(r"_s(\d+)_w")[0].astype("float")
    for channel in CHANNELS:
        table[channel] = raw[f"Image_PathName_{channel}"] + "/" + raw[f"Image_FileName_{channel}"]
    return _checked(table, path)


def _read_any(path: Path) -> pd.DataFrame:
    return _checked(_read_csv(path, {"plate": str, "well": str, "compound": str}), path)


def _read_csv(path: Path, types: dict[str, type]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
    except UnicodeDecodeError:
        raise CytoBenchError(f"{path}: not UTF-8 text; save it as CSV, separated by commas, in UTF-8") from None
    except (OSError, ValueError, EOFError) as error:
        raise CytoBenchError(f"{path}: cannot be read as CSV ({' '.join(str(error).split())})") from None
    if len(table.columns) == 1:
        raise CytoBenchError(f"{path}: has one column only, {table.columns[0]!r}; save it separated by commas")
    if table.empty:
        raise CytoBenchError(f"{path}: has no row")
    return table


def _checked(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The table with every column of ``KNOWN``; a gap or a field listed twice is named."""
    for column in ("plate", "well", "compound", "concentration"):
        if column not in table:
            raise CytoBenchError(f"{path}: has no column {column!r}{nearest(column, table.columns)}")
    table = table[[column for column in table if column in KNOWN or _names_images(table[column])]]
    table = table.assign(replicate=table.get("replicate", 1))
    if "site" not in table or table["site"].isna().any():
        table["site"] = table.groupby(["plate", "well"]).cumcount() + 1
    if table.isna().any(axis=None):
        row, column = np.argwhere(table.isna().to_numpy())[0]
        raise CytoBenchError(f"{path}: line {row + 2} has no {table.columns[column]}")
    _refuse_odd_names(table, path)
    table = _with_numbers(table, path)
    twice = table.duplicated(["plate", "well", "site"])
    if twice.any():
        plate, well, site = table.loc[twice, ["plate", "well", "site"]].iloc[0]
        raise CytoBenchError(f"{path}: line {int(twice.argmax()) + 2} lists plate {plate}, well {well}, site {site:g} again")
    try:
        wells_of(table)
    except CytoBenchError as error:
        raise CytoBenchError(f"{path}: {error}") from None
    return table


def _names_images(column: pd.Series) -> bool:
    """Whether a column holds the images of a channel; any other that is not known is left aside."""
    return bool(column.astype(str).str.lower().str.endswith((".tif", ".tiff")).any())


def _refuse_odd_names(table: pd.DataFrame, path: Path) -> None:
    for column, (pattern, rule) in RULES.items():
        wrong = ~table[column].str.fullmatch(pattern)
        if wrong.any():
            raise CytoBenchError(
                f"{path}: line {int(wrong.argmax()) + 2} has the {column} {table[column][wrong].iloc[0]!r}; {rule}"
            )


def _with_numbers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    for column in ("site", "replicate", "concentration"):
        values = pd.to_numeric(table[column], errors="coerce")
        wrong = ~np.isfinite(values) | (values < 0) | ((values % 1 != 0) & (column != "concentration"))
        if wrong.any():
            kind = "a number, 0 or more, in micromolar" if column == "concentration" else "a whole number"
            said = table[column][wrong].iloc[0]
            raise CytoBenchError(f"{path}: line {int(wrong.argmax()) + 2} has the {column} {str(said)!r}; it is {kind}")
        table[column] = values.astype(float if column == "concentration" else int)
    return table
