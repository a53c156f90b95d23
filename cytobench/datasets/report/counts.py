"""The counts that a person checks first, as one record."""

from __future__ import annotations

from cytobench.datasets.report.screen import Screen
from cytobench.schema import Record

SATURATED_SHARE = 0.01
"""A crop counts as saturated where more than this share of its pixels is at the camera's limit, in any channel."""


class Counts(Record):
    """Of a whole store; what cannot be known of it is None."""

    plates: int
    wells: int
    wells_without_cells: int
    compounds: int
    treatments: int
    """Compound and concentration, the control among them."""
    cells: int
    """In the store."""
    fields: int | None
    faulty_fields: int | None
    faulty_images: int | None
    found: int | None
    """Cells found, those too near a border with them."""
    at_border: int | None
    cells_per_field: tuple[float, int, int] | None
    """Median, least and most cells kept of a field without a fault."""
    flagged: int | None
    """Crops of which a channel is nothing but noise."""
    saturated: int | None
    nucleus_area: float | None
    """Median, square pixels."""
    cell_area: float | None


def count(screen: Screen) -> Counts:
    """Count what a store holds."""
    cells = screen.cells
    return Counts(
        plates=len(screen.plates),
        wells=len(screen.wells),
        wells_without_cells=int((screen.wells["cells"] == 0).sum()),
        compounds=cells["compound"].nunique(),
        treatments=len(cells[["compound", "concentration"]].drop_duplicates()),
        cells=len(cells),
        **_of_fields(screen),
        flagged=int(cells["flagged"].sum()) if "flagged" in cells else None,
        saturated=_saturated(screen),
        nucleus_area=_median(screen, "nucleus_area"),
        cell_area=_median(screen, "cell_area"),
    )


def _of_fields(screen: Screen) -> dict[str, int | tuple[float, int, int] | None]:
    fields, usable = screen.fields, screen.usable_fields
    if fields.empty:
        return dict.fromkeys(("fields", "faulty_fields", "faulty_images", "found", "at_border", "cells_per_field"))
    kept = usable["cells"]
    return {
        "fields": len(fields),
        "faulty_fields": len(fields) - len(usable),
        "faulty_images": len(screen.faults),
        "found": int(fields["found"].sum()),
        "at_border": int(fields["at_border"].sum()),
        "cells_per_field": (float(kept.median()), int(kept.min()), int(kept.max())) if len(kept) else None,
    }


def _saturated(screen: Screen) -> int | None:
    columns = list(screen.measured("saturation").values())
    return int((screen.cells[columns] > SATURATED_SHARE).any(axis=1).sum()) if columns else None


def _median(screen: Screen, column: str) -> float | None:
    return float(screen.cells[column].median()) if column in screen.cells else None
