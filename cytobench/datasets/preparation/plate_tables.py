"""What a store keeps of each plate beside its cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cytobench.datasets.preparation.part import PartTask
from cytobench.datasets.preparation.survey import SHOWN, Fault

IMAGES, MASKS = "images-{plate}-*.npy", "masks-{plate}-*.npy"
"""A plate's parts."""
FIELDS = "fields-{plate}.csv"
"""One row a field of a plate: its cells, or what is wrong with it."""
FAULTS = "faults-{plate}.csv"
"""One row a faulty image of a plate."""
ILLUMINATION = "illumination-{plate}.npy"
"""(C, h, w) float32: the plate's illumination functions, 1 and above."""


def field_rows(tasks: Sequence[PartTask], faults: Sequence[Fault]) -> pd.DataFrame:
    """One row a field: the cells found, those kept, how sharp they are, and, where there is one, the fault of its images."""
    found = [task.field_rows() for task in tasks]
    faulty = pd.DataFrame([fault.model_dump() for fault in faults], columns=list(Fault.model_fields))
    problems = faulty.groupby(list(SHOWN))["problem"].agg("; ".join).rename("fault").reset_index()
    nothing = problems.assign(found=0, at_border=0, cells=0, example=False)
    rows = pd.concat([table for table in (*found, nothing) if len(table)] or [nothing], ignore_index=True)
    rows["fault"] = rows.pop("fault") if "fault" in rows else ""  # the last column
    return rows.sort_values(["well", "site"], kind="stable")


def why_no_cell(folder: Path) -> str:
    """Say why there is none, as far as the plates' tables tell."""
    found = sum(int(pd.read_csv(file)["found"].sum()) for file in folder.glob(FIELDS.format(plate="*")))
    if found:
        return f"{folder}: all {found} cells found are nearer their field's border than half a crop; set a smaller crop size"
    listed = [file for form in (FAULTS, FIELDS) for file in sorted(folder.glob(form.format(plate="*")))]
    return f"{listed[0] if listed else folder}: no cell was found in any field; this file says what was seen of each"
