"""What the report reads of a store: its cells, and the tables of fields and faults where they are there."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cytobench.datasets.image_set import natural_order
from cytobench.datasets.layout import CONTROL
from cytobench.datasets.store import CellStore


@dataclass(frozen=True)
class Screen:
    """A store's tables."""

    store: CellStore
    cells: pd.DataFrame
    """One row a cell."""
    fields: pd.DataFrame
    """One row a field, the faulty ones with them; empty where the store was not made of fields of view."""
    faults: pd.DataFrame
    """One row a faulty image; may be empty."""
    wells: pd.DataFrame
    """One row a well, in the order of plates: plate, well, compound, concentration, cells, focus (median over the cells, in the
    first channel; missing where it was not measured), usable (fields without a fault; missing where no fields are known) and
    control."""

    @property
    def plates(self) -> tuple[str, ...]:
        """All plates, those without a cell with them, Week2 before Week10."""
        return tuple(self.wells["plate"].unique())

    @property
    def usable_fields(self) -> pd.DataFrame:
        """The fields that cells were looked for in."""
        return self.fields[self.fields["fault"].isna()] if len(self.fields) else self.fields

    def measured(self, what: str) -> dict[str, str]:
        """Return the channels in which ``what`` (focus, saturation, smoothness) was measured, and the columns of it."""
        columns = {channel: f"{what}_{channel}" for channel in self.store.channels}
        return {channel: column for channel, column in columns.items() if column in self.cells}


def read_screen(store: CellStore) -> Screen:
    """Read a store's tables; images are not touched."""
    fields = store.attached("fields")
    return Screen(store, store.cells, fields, store.attached("faults"), _wells(store, fields))


def _wells(store: CellStore, fields: pd.DataFrame) -> pd.DataFrame:
    grouped = store.cells.groupby(["plate", "well"], observed=True)
    known = ["plate", "well", "compound", "concentration"]
    listed = pd.concat([store.cells[known], fields[known]]) if len(fields) else store.cells[known]
    wells = listed.drop_duplicates(["plate", "well"]).set_index(["plate", "well"]).join(grouped.size().rename("cells"))
    focus = f"focus_{store.channels[0]}"
    wells["focus"] = grouped[focus].median() if focus in store.cells else float("nan")
    if len(fields):
        usable = fields["fault"].isna().groupby([fields["plate"], fields["well"]]).sum()
        wells = wells.join(usable.rename("usable"))
    else:
        wells["usable"] = float("nan")
    wells["cells"] = wells["cells"].fillna(0).astype(int)
    wells["control"] = wells["compound"] == CONTROL
    wells = wells.reset_index()
    names = [(natural_order(plate), natural_order(well)) for plate, well in zip(wells["plate"], wells["well"], strict=True)]
    return wells.iloc[sorted(range(len(names)), key=names.__getitem__)].reset_index(drop=True)
