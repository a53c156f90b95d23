"""A profile table on disk as a data set."""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from cytobench.datasets.plate_map import annotate, refuse_other_contents
from cytobench.datasets.profiles import PREFIX, check_profiles, feature_columns
from cytobench.errors import CytoBenchError
from cytobench.files import sha256, sha256_text
from cytobench.profiling.aggregate import cells_to_wells

FEWEST_REPEATED = 0.2
"""A table of cells has at least this part of its rows in wells that an earlier row has; fewer are mistaken repeats of wells."""


@dataclass(frozen=True)
class ProfileTable:
    """A profile table as a data set: representations that someone else computed."""

    name: str
    profiles: pd.DataFrame
    """One row a well, or a cell where several rows share a well."""
    content_sha256: str
    """Of the file."""

    @property
    def simulated(self) -> bool:
        """Whether the profiles are of simulated cells, which ``Metadata_Simulated`` says."""
        return f"{PREFIX}Simulated" in self.profiles and bool(self.profiles[f"{PREFIX}Simulated"].any())

    @cached_property
    def identity(self) -> str:
        """One sha256 over the wells and what is in them: tables of the same wells share a board."""
        wells = self.wells()[[f"{PREFIX}{name}" for name in ("Plate", "Well", "Compound", "Concentration")]]
        return sha256_text(str(self.simulated), wells.sort_values(list(wells.columns)).to_csv(index=False))

    @property
    def all_cells_counted(self) -> bool:
        """Whether the table says how many cells each well holds."""
        return f"{PREFIX}Cells" in self.profiles

    @classmethod
    def read(cls, path: Path, *, name: str | None = None) -> ProfileTable:
        """Read and check a table; its name is the file's, without endings."""
        return cls(name or path.name.strip(".").split(".")[0], read_profiles(path), sha256(path))

    def summary(self) -> str:
        """What the table holds, in a few lines."""
        wells, features = self.wells(), len(feature_columns(self.profiles))
        lines = [
            f"{self.name}{' (SIMULATED)' if self.simulated else ''}: profiles of {len(wells)} wells on "
            f"{wells[f'{PREFIX}Plate'].nunique()} plates, {features} features, {len(self.profiles)} rows",
            f"{wells[f'{PREFIX}Compound'].nunique()} compounds; the wells' identity: {self.identity}",
        ]
        return "\n".join(lines)

    def wells(self) -> pd.DataFrame:
        """Return one row a well, with compound and concentration (from BBBC021's plate map where the table has none)."""
        return self._wells

    @cached_property
    def _wells(self) -> pd.DataFrame:
        table = self.profiles
        given = {f"{PREFIX}Compound", f"{PREFIX}Concentration"} & set(table.columns)
        if len(given) == 1:
            raise CytoBenchError(f"{self.name}: has {given.pop()} only; give compound and concentration, or neither")
        if not given:
            table = annotate(table, self.name)
        elif not self.simulated:
            refuse_other_contents(table, self.name)
        repeated = table.duplicated([f"{PREFIX}Plate", f"{PREFIX}Well"])
        if not repeated.any():
            return table
        if repeated.mean() < FEWEST_REPEATED:
            plate, well = table[[f"{PREFIX}Plate", f"{PREFIX}Well"]].iloc[int(repeated.argmax())]
            raise CytoBenchError(
                f"{self.name}: row {repeated.argmax()} is plate {plate}, well {well}, which stands above; drop one"
            )
        features = feature_columns(table)
        cells = table.rename(
            columns={f"{PREFIX}{name.capitalize()}": name for name in ("plate", "well", "compound", "concentration")}
        )
        return cells_to_wells(table[features].to_numpy(np.float64), cells, features)


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
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile, lzma.LZMAError) as error:
        raise CytoBenchError(f"{path}: cannot be read as a table ({' '.join(str(error).split())})") from None
    table = table.rename(columns=lambda name: re.sub(r"^Image_Metadata_", PREFIX, str(name)))
    check_profiles(table, str(path))
    table = table.astype({f"{PREFIX}Plate": str, f"{PREFIX}Well": str})
    table[f"{PREFIX}Well"] = table[f"{PREFIX}Well"].str.replace(r"^([A-P])(\d)$", r"\g<1>0\2", regex=True)  # D5 is D05
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    """Read plates and wells as names even where they look like numbers, and no column under another name than its own."""
    names = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0].tolist()
    if len(names) == 1 and re.search(r"[;\t]", names[0]):
        raise ValueError("its columns are separated by ';' or a tab, not by a comma")
    table = pd.read_csv(path, dtype={name: str for name in names if name.endswith((f"{PREFIX}Plate", f"{PREFIX}Well"))})
    return table.set_axis(names, axis=1)  # pandas would call a second 'x' 'x.1'
