"""Profile tables: one row a well, ``Metadata_`` columns and numeric features, as pycytominer and copairs take them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from cytobench.errors import CytoBenchError

PREFIX = "Metadata_"
"""Columns with this prefix are metadata; every other column is a feature."""

LARGEST = 1e100
"""No feature is larger; beyond it squares overflow."""

METADATA_WORDS = {
    "plate",
    "well",
    "compound",
    "concentration",
    "conc",
    "dose",
    "moa",
    "treatment",
    "batch",
    "week",
    "site",
    "replicate",
    "row",
    "id",
    "column",
    "label",
    "index",
    "imagenumber",
    "objectnumber",
    "tablenumber",
    "metadata",
}
"""A column with one of these words in its name is surely metadata: as a feature it would leak what is scored."""


def check_profiles(table: pd.DataFrame, where: str) -> None:
    """Refuse a table that is no profile table, in one sentence that begins with ``where``."""
    if table.columns.has_duplicates:
        raise CytoBenchError(f"{where}: the column {table.columns[table.columns.duplicated()][0]!r} stands twice")
    if not len(table):
        raise CytoBenchError(f"{where}: has no rows")
    _check_metadata(table, where)
    features = feature_columns(table)
    if not features:
        raise CytoBenchError(f"{where}: has no feature column, only metadata")
    for column in features:
        _check_feature(table, column, where)


def _check_metadata(table: pd.DataFrame, where: str) -> None:
    for column in (f"{PREFIX}Plate", f"{PREFIX}Well"):
        if column not in table:
            raise CytoBenchError(f"{where}: has no column {column!r} (or 'Image_{column}'); a profile table needs plate and well")
        if table[column].isna().any():
            raise CytoBenchError(f"{where}: row {int(table[column].isna().argmax())} has no {column}")
    for column, what in ((f"{PREFIX}Concentration", "micromolar"), (f"{PREFIX}Cells", "cells in the well")):
        if column in table and not (pd.api.types.is_numeric_dtype(table[column]) and table[column].notna().all()):
            raise CytoBenchError(f"{where}: the column {column!r} must be a number in every row ({what})")


def _check_feature(table: pd.DataFrame, column: str, where: str) -> None:
    if not column or column.startswith("Unnamed: "):
        raise CytoBenchError(f"{where}: a column has no name, as row numbers have that pandas writes; drop it (index=False)")
    telling = METADATA_WORDS.intersection(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", column).casefold()))
    if telling or column.casefold() in METADATA_WORDS | {"cells"}:
        bare = re.sub(r"^metadata[^A-Za-z0-9]*", "", column, flags=re.IGNORECASE)
        proper = PREFIX + "_".join(word[:1].upper() + word[1:] for word in bare.split("_"))
        raise CytoBenchError(
            f"{where}: the column {column!r} is metadata; name it {proper!r}, or something else if it is a feature"
        )
    if not pd.api.types.is_numeric_dtype(table[column]) or pd.api.types.is_bool_dtype(table[column]):
        raise CytoBenchError(f"{where}: the column {column!r} is not numeric; a metadata column's name begins with {PREFIX!r}")


def feature_columns(table: pd.DataFrame) -> list[str]:
    """The names of the feature columns, in order."""
    return [column for column in table.columns if not column.startswith(PREFIX)]


def refuse_non_finite(table: pd.DataFrame, where: str, *, allow_nan: bool) -> None:
    """Refuse infinite values, and NaN unless ``allow_nan`` says that this table's features may have them."""
    features = feature_columns(table)
    values = table[features].to_numpy(np.float64)
    bad = np.abs(values) > LARGEST if allow_nan else ~(np.abs(values) <= LARGEST)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        way_out = "" if not np.isnan(values[row, column]) else ", or say --allow-nan to impute missing values"
        raise CytoBenchError(
            f"{where}: {int(bad.sum())} values are not finite (or beyond {LARGEST:g}), the first in column "
            f"{features[column]!r}, row {row}; correct or drop that column{way_out}"
        )


def treatment_name(compound: str, concentration: float) -> str:
    """``compound@concentration`` (micromolar), rounded to six digits so that 0.3 and 0.30000001 are one treatment."""
    return f"{compound}@{float(concentration):.6g}"


def treatment_names(compounds: pd.Series, concentrations: pd.Series) -> np.ndarray:
    """:func:`treatment_name` of each row."""
    pairs = zip(compounds, concentrations, strict=True)
    return np.array([treatment_name(compound, concentration) for compound, concentration in pairs], dtype=object)


def metadata_columns(table: pd.DataFrame) -> list[str]:
    """The names of the metadata columns, in order."""
    return [column for column in table.columns if column.startswith(PREFIX)]


def well_metadata(table: pd.DataFrame) -> pd.DataFrame:
    """What a profile method may see of wells: plate, well, batch, and the number of cells where it is known."""
    columns = [column for column in (f"{PREFIX}Plate", f"{PREFIX}Well", f"{PREFIX}Cells") if column in table]
    return table[columns].assign(**{f"{PREFIX}Batch": batch_of(table[f"{PREFIX}Plate"])})


def batch_of(plates: Iterable[str]) -> np.ndarray:
    """The batch of each plate: its name before the underscore (Week1_22123 -> Week1); a plate without one is refused."""
    named = [str(plate).partition("_") for plate in plates]
    for batch, underscore, rest in named:
        if not (batch and underscore and rest):
            raise CytoBenchError(
                f"plate {batch + underscore + rest}: no batch in its name; plates are named as in BBBC021, Week1_22123 for plate "
                "22123 of Week1, since a batch taken from anything else would score another question"
            )
    return np.array([batch for batch, _, _ in named], dtype=object)
