"""What looks wrong with a store, in plain words: where a person should look before anything is computed from it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from cytobench.datasets.layout import CONTROL
from cytobench.datasets.report.counts import SATURATED_SHARE, Counts
from cytobench.datasets.report.screen import Screen
from cytobench.schema import Record

FEW, MANY = 0.5, 2.0
"""A plate is named where its median of cells a field is below or above the screen's by these factors."""

BLURRED = -5.0
"""A field is named where its focus is this many robust standard deviations (1.4826 x the median absolute deviation) from its
plate's median, or further."""

FIELDS_TO_COMPARE = 8
"""Of a plate, before one can be said to differ from the others."""

TOO_MANY = 0.01
"""Share of a plate's crops from which on noise and saturation are more than single accidents."""


class Concern(Record):
    """One thing that looks wrong, and where."""

    sentence: str
    places: tuple[str, ...] = ()


def concerns(screen: Screen, counts: Counts) -> tuple[Concern, ...]:
    """List what looks wrong, the gravest first; empty where nothing does."""
    found = [
        _unfinished(screen),
        _without_cells(screen),
        _without_controls(screen),
        _faulty(screen),
        *_unusual_counts(screen),
        _blurred(screen),
        *_empty_wells(screen),
        _lost_at_borders(counts),
        _cells_beyond_crops(screen),
        _bad_crops(screen),
        _saturated_crops(screen),
    ]
    return tuple(concern for concern in found if concern is not None)


def _concern(sentence: str, places: Iterable[str]) -> Concern | None:
    listed = tuple(places)
    return Concern(sentence=sentence, places=listed) if listed else None


def _unfinished(screen: Screen) -> Concern | None:
    return _concern(
        "The store is unfinished: these plates are still to come. Run the same 'cytobench data prepare' again.",
        screen.store.manifest.pending,
    )


def _without_cells(screen: Screen) -> Concern | None:
    cells = screen.wells.groupby("plate", sort=False)["cells"].sum()
    return _concern("These plates have no cell at all.", map(str, cells.index[cells == 0]))


def _without_controls(screen: Screen) -> Concern | None:
    wells = screen.wells
    controls = wells["cells"].where(wells["control"], 0).groupby(wells["plate"], sort=False).sum()
    return _concern(f"These plates have no {CONTROL} cell to normalise by.", map(str, controls.index[controls == 0]))


def _faulty(screen: Screen) -> Concern | None:
    if screen.faults.empty:
        return None
    images = screen.faults["plate"].value_counts()
    places = [f"{plate}: {images[plate]} images" for plate in screen.plates if plate in images.index]
    return _concern("These plates have faulty images, whose fields were left out; they are listed below.", places)


def _unusual_counts(screen: Screen) -> list[Concern | None]:
    fields = screen.usable_fields
    if fields.empty:
        return []
    usual = fields["cells"].median()
    medians = fields.groupby("plate")["cells"].median().reindex(list(screen.plates)).dropna()
    few, many = medians[medians < FEW * usual], medians[medians > MANY * usual]
    text = "These plates have {} the screen's median of {:g} cells a field."
    return [
        _concern(text.format(how, usual), [f"{plate}: {median:g}" for plate, median in medians.items()])
        for how, medians in (("less than half", few), ("more than twice", many))
    ]


def _blurred(screen: Screen) -> Concern | None:
    fields, places = screen.usable_fields, []
    for channel in screen.measured("focus") if len(fields) else ():
        by_plate = fields[f"focus_{channel}"].groupby(fields["plate"])
        away = fields[f"focus_{channel}"] - by_plate.transform("median")
        spread = 1.4826 * away.abs().groupby(fields["plate"]).transform("median")
        robust = (away / spread.where(spread > 0)).where(by_plate.transform("count") >= FIELDS_TO_COMPARE)
        for row in np.flatnonzero(robust <= BLURRED):
            z = float(robust.iloc[row])
            places.append((z, f"{_field(fields.iloc[row])}: {channel}, z = {z:.1f}"))
    sentence = f"These fields are far less sharp than their plate's others (robust z of {BLURRED:g} or below), the worst first."
    return _concern(sentence, [place for _, place in sorted(places)])


def _field(row: pd.Series) -> str:
    return f"{row['plate']} {row['well']}, site {row['site']}"


def _empty_wells(screen: Screen) -> list[Concern | None]:
    empty = screen.wells[screen.wells["cells"] == 0]
    unusable = empty["usable"] == 0
    kinds = {"These wells have usable images and no cell.": ~unusable, "These wells have no usable image.": unusable}
    return [_concern(text, (empty["plate"] + " " + empty["well"])[rows].tolist()) for text, rows in kinds.items()]


def _lost_at_borders(counts: Counts) -> Concern | None:
    if not counts.found or not counts.at_border or 2 * counts.at_border <= counts.found:
        return None
    share = counts.at_border / counts.found
    return Concern(sentence=f"{share:.0%} of the cells found were too near a border to be cut; a smaller crop size keeps more.")


def _cells_beyond_crops(screen: Screen) -> Concern | None:
    crop = screen.store.manifest.shape[1] * screen.store.manifest.shape[2]
    if "cell_area" not in screen.cells or screen.cells["cell_area"].median() <= crop:
        return None
    area = screen.cells["cell_area"].median()
    return Concern(
        sentence=f"Half of the cells are larger ({area:,.0f} px²) than a crop ({crop:,} px²); a larger crop size shows them."
    )


def _bad_crops(screen: Screen) -> Concern | None:
    if "flagged" not in screen.cells:
        return None
    sentence = f"On these plates more than {TOO_MANY:.0%} of the crops are flagged: a channel is nothing but noise."
    return _concern(sentence, _frequent(screen, screen.cells["flagged"]))


def _saturated_crops(screen: Screen) -> Concern | None:
    columns = list(screen.measured("saturation").values())
    if not columns:
        return None
    sentence = f"On these plates more than {TOO_MANY:.0%} of the crops have over {SATURATED_SHARE:.0%} saturated pixels."
    return _concern(sentence, _frequent(screen, (screen.cells[columns] > SATURATED_SHARE).any(axis=1)))


def _frequent(screen: Screen, bad: pd.Series) -> list[str]:
    shares = bad.groupby(screen.cells["plate"]).mean().reindex(list(screen.plates)).dropna()
    return [f"{plate}: {share:.1%}" for plate, share in shares.items() if share > TOO_MANY]
