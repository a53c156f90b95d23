"""Our features beside the 516 of Ljosa et al. 2013 (doi:10.1177/1087057113503553), so that two tables can be compared."""

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

NOT_OF_A_CROP = "place, number or neighbours of the object in its field of view: a crop does not show it"
NOT_MEASURED = "cp_measure has no Gabor filter, which CellProfiler has not had since version 3"

IN_THE_FIELD = r"Location|Neighbors|Children|Parent|Number|AreaShape_Center"
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
    """Return the ``Metadata_`` columns of a table of ours and the features that Ljosa et al. have too, under their names."""
    names = {ours: theirs for ours, theirs in ljosa_names().items() if ours in table}
    metadata = [name for name in table.columns if str(name).startswith("Metadata_")]
    return table[[*metadata, *names]].rename(columns=names)
