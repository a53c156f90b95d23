"""Profile tables: one row a well, ``Metadata_`` columns and numeric features, as pycytominer and copairs take them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cytobench.errors import CytoBenchError
from cytobench.files import sha256
from cytobench.profiling.aggregate import cells_to_wells

PREFIX = "Metadata_"
"""Columns with this prefix are metadata; every other column is a feature."""

METADATA_LIKE = {
    name.casefold(): f"{PREFIX}{name}"
    for name in (
        "Plate", "Well", "Compound", "Concentration", "MOA", "Batch", "Week", "Site", "Replicate", "Row", "Column", "Cell_Index",
        "Treatment", "Dose", "ImageNumber", "ObjectNumber", "TableNumber", "Cells", "Index", "Label",
    )
}  # fmt: skip
"""Names that are surely metadata: as a feature they would leak what is scored, or rank methods by a row number."""


def read_profiles(path: Path) -> pd.DataFrame:
    """Read a profile table from Parquet or CSV (also ``.csv.gz``) and check it.

    The prefix ``Image_Metadata_`` of CellProfiler's tables is read as ``Metadata_``.

    Raises:
        CytoBenchError: naming the column or row at fault.
    """
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except FileNotFoundError:
        raise CytoBenchError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise CytoBenchError(f"{path}: cannot be read as a table, perhaps truncated ({' '.join(str(error).split())})") from None
    table = table.rename(columns=lambda name: re.sub(r"^Image_Metadata_", PREFIX, str(name)))
    check_profiles(table, str(path))
    return table.astype({f"{PREFIX}Plate": str, f"{PREFIX}Well": str})


def _read_csv(path: Path) -> pd.DataFrame:
    """Read plates and wells as names even where they look like numbers, and no column under another name than its own."""
    names = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0].tolist()
    table = pd.read_csv(path, dtype={name: str for name in names if name.endswith((f"{PREFIX}Plate", f"{PREFIX}Well"))})
    return table.set_axis(names, axis=1)  # pandas would call a second 'x' 'x.1'


def check_profiles(table: pd.DataFrame, where: str) -> None:
    """Refuse a table that is no profile table, in one sentence that begins with ``where``."""
    if table.columns.has_duplicates:
        raise CytoBenchError(f"{where}: the column {table.columns[table.columns.duplicated()][0]!r} stands twice")
    if not len(table):
        raise CytoBenchError(f"{where}: has no rows")
    for column in (f"{PREFIX}Plate", f"{PREFIX}Well"):
        if column not in table:
            raise CytoBenchError(f"{where}: has no column {column!r} (or 'Image_{column}'); a profile table needs plate and well")
        if table[column].isna().any():
            raise CytoBenchError(f"{where}: row {int(table[column].isna().argmax())} has no {column}")
    dose = f"{PREFIX}Concentration"
    if dose in table and not pd.api.types.is_numeric_dtype(table[dose]):
        raise CytoBenchError(f"{where}: the column {dose!r} is not numeric; it is in micromolar")
    features = feature_columns(table)
    if not features:
        raise CytoBenchError(f"{where}: has no feature column, only metadata")
    for column in features:
        _check_feature(column, table[column], where)


def _check_feature(name: str, values: pd.Series, where: str) -> None:
    if not name or name.startswith("Unnamed: "):
        raise CytoBenchError(f"{where}: a column has no name, as row numbers have that pandas writes; drop it (index=False)")
    if name.casefold() in METADATA_LIKE:
        raise CytoBenchError(f"{where}: the column {name!r} is metadata; name it {METADATA_LIKE[name.casefold()]!r}")
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        raise CytoBenchError(f"{where}: the column {name!r} is not numeric; a metadata column's name begins with {PREFIX!r}")


def feature_columns(table: pd.DataFrame) -> list[str]:
    """The names of the feature columns, in order."""
    return [column for column in table.columns if not column.startswith(PREFIX)]


def refuse_non_finite(table: pd.DataFrame, where: str, *, allow_nan: bool) -> None:
    """Refuse infinite values, and NaN unless ``allow_nan`` says that this table's features may have them."""
    features = feature_columns(table)
    values = table[features].to_numpy(np.float64)
    bad = np.isinf(values) if allow_nan else ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        way_out = "" if np.isinf(values[row, column]) else ", or say --allow-nan to impute missing values"
        raise CytoBenchError(
            f"{where}: {int(bad.sum())} values are not finite, the first in column {features[column]!r}, row {row}; "
            f"correct or drop that column{way_out}"
        )


def treatment_name(compound: str, concentration: float) -> str:
    """``compound@concentration`` (micromolar), rounded to six digits so that 0.3 and 0.30000001 are one treatment."""
    return f"{compound}@{float(concentration):.6g}"


def treatment_names(compounds: pd.Series, concentrations: pd.Series) -> np.ndarray:
    """:func:`treatment_name` of each row."""
    pairs = zip(compounds, concentrations, strict=True)
    return np.array([treatment_name(compound, concentration) for compound, concentration in pairs], dtype=object)


@dataclass(frozen=True)
class ProfileTable:
    """A profile table as a data set: representations that someone else computed."""

    name: str
    profiles: pd.DataFrame
    """One row a well, or a cell where several rows share a well."""
    identity: str
    """The sha256 of the file."""
    simulated: bool = False

    @property
    def all_cells_counted(self) -> bool:
        """Whether the table says how many cells each well holds."""
        return f"{PREFIX}Cells" in self.profiles

    @classmethod
    def read(cls, path: Path, *, name: str | None = None) -> ProfileTable:
        """Read and check a table; its name is the file's, without endings."""
        return cls(name or path.name.strip(".").split(".")[0], read_profiles(path), sha256(path))

    def wells(self) -> pd.DataFrame:
        """Return one row a well, with compound and concentration (from BBBC021's plate map where the table has none)."""
        table = self.profiles
        if not {f"{PREFIX}Compound", f"{PREFIX}Concentration"} <= set(table.columns):
            from cytobench.datasets.bbbc021 import annotate

            table = annotate(table, self.name)
        if not table.duplicated([f"{PREFIX}Plate", f"{PREFIX}Well"]).any():
            return table
        features = feature_columns(table)
        cells = table.rename(
            columns={f"{PREFIX}{name.capitalize()}": name for name in ("plate", "well", "compound", "concentration")}
        )
        return cells_to_wells(table[features].to_numpy(np.float64), cells, features)


def metadata_columns(table: pd.DataFrame) -> list[str]:
    """The names of the metadata columns, in order."""
    return [column for column in table.columns if column.startswith(PREFIX)]


def well_metadata(table: pd.DataFrame) -> pd.DataFrame:
    """What a profile method may see of wells: plate, well, batch, and the number of cells where it is known."""
    columns = [column for column in (f"{PREFIX}Plate", f"{PREFIX}Well", f"{PREFIX}Cells") if column in table]
    return table[columns].assign(**{f"{PREFIX}Batch": batch_of(table[f"{PREFIX}Plate"])})


def batch_of(plates: Iterable[str]) -> np.ndarray:
    """The batch of each plate: its name before the underscore (Week1_22123 -> Week1)."""
    return np.array([str(plate).split("_", 1)[0] for plate in plates], dtype=object)
