"""Our features beside the 516 of Ljosa et al. 2013 (doi:10.1177/1087057113503553), so that two tables can be compared.

With a table of our wells (``Metadata_Plate``, ``Metadata_Well`` and features) and the published one, well by well::

    theirs = pd.read_csv("ljosa2013/per_well_mean.csv.gz")
    both = pd.merge(as_ljosa(ours), theirs, on=list(KEYS.values()), suffixes=("_ours", "_theirs"))
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

import pandas as pd

TABLE = Path(__file__).with_name("ljosa2013.csv")
"""Each of their 516 features: ours, or why there is none. Written by :func:`counterpart`; a test does it again."""

CHANNELS = {"CorrDAPI": "DAPI", "CorrTub": "Tubulin", "CorrActin": "Actin"}
"""Their illumination-corrected channels, and the names of BBBC021's channels."""

KEYS = {"Metadata_Plate": "Image_Metadata_Plate", "Metadata_Well": "Image_Metadata_Well"}
"""What names a well: in our tables, and in theirs."""

NOT_OF_A_CROP = "place, neighbours or count of objects in the field of view: a crop does not show it"
A_NUMBER = "number that an object was given in its field of view: it says nothing of the cell"
NOT_MEASURED = "cp_measure has no Gabor filter, which CellProfiler has not had since version 3"

IN_THE_FIELD = "Location|Neighbors|Children|AreaShape_Center"
NUMBERED = "Parent|Number"
TEXTURE = r"Texture_(?P<measure>[^_]+)_(?P<channel>[^_]+)_(?P<scale>\d+)_0"
"""Their only direction, 0, is the horizontal one."""


def counterpart(theirs: str) -> tuple[str, str]:
    """Our name of one of their features and "", or "" and why there is none.

    The values differ where CellProfiler has changed: they binned textures to 8 grey levels and we to 256, ``Compactness`` was
    no reciprocal of ``FormFactor``, and their nuclei and cells were outlined in whole fields.
    """
    kind, measured = theirs.split("_", 1)
    if re.match(IN_THE_FIELD, measured):
        return "", NOT_OF_A_CROP
    if re.match(NUMBERED, measured):
        return "", A_NUMBER
    if measured.startswith("Texture_Gabor"):
        return "", NOT_MEASURED
    if texture := re.fullmatch(TEXTURE, measured):
        channel = CHANNELS[texture["channel"]]
        return f"{kind}_Texture_{texture['measure']}_{channel}_{texture['scale']}_00_256", ""
    *first, last = theirs.split("_")
    return "_".join([*first, CHANNELS.get(last, last)]), ""


@cache
def ljosa_names() -> dict[str, str]:
    """Our name -> theirs, for the features that both have."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["ours"]: row["theirs"] for row in csv.DictReader(file) if row["ours"]}


def ljosa_name(ours: str) -> str | None:
    """Their name of one of our features; None where they have none."""
    return ljosa_names().get(ours)


def as_ljosa(table: pd.DataFrame) -> pd.DataFrame:
    """Return the ``Metadata_`` columns of a table of ours and the features that Ljosa et al. have too, under their names.

    Plate and well are renamed, too (``KEYS``); all other ``Metadata_`` columns keep their names.
    """
    names = {ours: theirs for ours, theirs in ljosa_names().items() if ours in table}
    metadata = [name for name in table.columns if str(name).startswith("Metadata_")]
    return table[[*metadata, *names]].rename(columns=names | KEYS)
