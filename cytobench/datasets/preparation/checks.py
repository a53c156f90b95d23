"""What speaks against going on with a store, before a cell of it is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cytobench.datasets.image_file import can_be_read
from cytobench.datasets.preparation.growing_store import GrowingStore
from cytobench.datasets.preparation.plate_tables import FAULTS, FIELDS, ILLUMINATION
from cytobench.datasets.preparation.survey import SHOWN
from cytobench.datasets.store import AS_NAMED
from cytobench.errors import CytoBenchError


def refuse_faults(store: GrowingStore, plates: Sequence[str]) -> None:
    """Name a faulty image of a plate that is in the store already."""
    for plate in plates:
        if FAULTS.format(plate=plate) in store.attachments:
            raise CytoBenchError(f"{store.path / FAULTS.format(plate=plate)}: lists faulty images of a plate in the store")


def refuse_other_lights(store: GrowingStore, lights: Mapping[str, np.ndarray]) -> None:
    """Refuse illumination functions where a plate in the store was corrected by others."""
    for plate, light in lights.items():
        used = store.path / ILLUMINATION.format(plate=plate)
        if used.name in store.attachments and not np.array_equal(np.load(used), light):
            raise CytoBenchError(f"{used}: {plate} was corrected by other functions; use the same store's for all plates")


def refuse_other_contents(store: GrowingStore, table: pd.DataFrame) -> None:
    """Refuse an image table that says otherwise of a plate than it did when the plate was added."""
    for plate in store.plates & set(table["plate"]):
        before = pd.read_csv(store.path / FIELDS.format(plate=plate), **AS_NAMED)[list(SHOWN)]
        changed = pd.concat([before, table.loc[table["plate"] == plate, list(SHOWN)]]).drop_duplicates(keep=False)
        if len(changed):
            _, well, site, *_ = changed.iloc[0]
            raise CytoBenchError(
                f"{store.path}: the image table says otherwise of plate {plate}, well {well}, site {site} than when the plate "
                "was added; choose another place, or give the table back what it said"
            )


def repaired(store: GrowingStore, folder: Path) -> list[str]:
    """Name the images that were missing or damaged when their plate was added, and can be read now."""
    listed = [name for name in store.attachments if name.startswith(FAULTS.split("{")[0])]
    faults = [row for name in listed for row in pd.read_csv(store.path / name, **AS_NAMED).itertuples()]
    unreadable = [str(fault.image) for fault in faults if str(fault.problem).startswith(("missing", "cannot"))]
    return [image for image in unreadable if can_be_read(folder / image)]
