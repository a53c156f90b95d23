"""Pictures of galleries: composites, single channels, and several models one below the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cytobench.phenotypes import pictures
from cytobench.phenotypes.captions import caption, flagged_text, untrained
from cytobench.phenotypes.gallery.gallery import Gallery
from cytobench.phenotypes.gallery.told import told_text
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.sheets import Panel, sheet, zoom_for

WIDTHS = {"composites": 1000, "channels": 520, "together": 1200}
"""About how wide a grid of each kind is, px."""

MOST = 256
"""Cells of each kind in a picture; more are for programs."""


def composite_sheet(made: Gallery) -> np.ndarray:
    """Draw generated cells beside real ones, all channels in one picture each: (H, W, 3) uint8."""
    model, columns = made.model, _columns(len(made.generated[:MOST]))
    zoom = zoom_for(model.size, columns, WIDTHS["composites"])
    shown = {_generated(made): made.generated[:MOST], f"{_cells(made)}, drawn at random": made.cells[:MOST]}
    panels = [Panel(name, pictures.composites(images, model.channels), columns, zoom=zoom) for name, images in shown.items()]
    return sheet(model.title, [panels], f"{caption(model, zoom)}{_about(made)}")


def channel_sheet(made: Gallery) -> np.ndarray:
    """Draw each channel by itself in grey, generated cells above real ones: (H, W, 3) uint8."""
    model, columns = made.model, _columns(len(made.generated[:MOST]))
    zoom = zoom_for(model.size, columns, WIDTHS["channels"])

    def panels(name: str, images: np.ndarray) -> list[Panel]:
        return [
            Panel(f"{channel}, {name}", pictures.single_channel(images, number), columns, zoom=zoom)
            for number, channel in enumerate(model.channels)
        ]

    text = f"Each channel by itself in grey, each cell at the same place in all; {pictures.SCALING}. Input: {model.seen}."
    rows = [panels("generated", made.generated[:MOST]), panels(_cells(made), made.cells[:MOST])]
    return sheet(model.title, rows, f"{text}{untrained(model)}{_about(made)}")


def together_sheet(made: Sequence[Gallery], columns: int = 12) -> np.ndarray:
    """Draw a row of generated cells for each model, and below them real cells as each kind of input shows them."""
    rows = [
        _row(f"{one.model.title}{_told(one)}{_input(one, made)}{_varied(one)}", one.generated, one.model, columns) for one in made
    ]
    shown = {_view(one): one for one in reversed(made)}
    for one in reversed(shown.values()):
        rows.append(
            _row(f"{_cells(one)} of {one.model.store.name}, drawn at random{_input(one, made)}", one.cells, one.model, columns)
        )
    legends = {frozenset(legend.split(", ")): legend for legend in (pictures.legend(one.model.channels) for one in made)}
    title = f"Cells of {len(made)} models"
    simulated = [one.kind == "simulated" for one in made]
    if any(simulated):
        title = f"SIMULATED data: {title}" if all(simulated) else f"{title}, of which {sum(simulated)} on SIMULATED data"
    same = f" Input: {made[0].model.seen}."
    differs = " Models were shown different cells, or cells in different ways, as each row says." if len(shown) > 1 else same
    notes = dict.fromkeys(note for one in made for note in (untrained(one.model), _together_told(one)))
    noise = dict.fromkeys(flagged_text(one.model, one.rows[:columns]) for one in shown.values())
    text = f"{'; or '.join(legends.values())}; {pictures.SCALING}.{differs}{''.join([*notes, *noise])}"
    return sheet(title, [[row] for row in rows], text)


def _row(heading: str, images: np.ndarray, model: Model, columns: int) -> Panel:
    cells = pictures.composites(images[:columns], model.channels)
    return Panel(heading, cells, columns, zoom=zoom_for(model.size, columns, WIDTHS["together"]))


def _about(made: Gallery) -> str:
    """What a caption says of the cells: whether the treatment mattered, how many are shown, and how many of them are noise."""
    told = f" {told_text(made.told)}" if made.told is not None else ""
    n = len(made.generated)
    part = f" The first {MOST} of {n:,} generated cells are shown." if n > MOST else ""
    return f"{told}{part}{flagged_text(made.model, made.rows[:MOST])}"


def _together_told(made: Gallery) -> str:
    return "" if made.told is None else f" {made.model.title}: {told_text(made.told)}"


def _varied(made: Gallery) -> str:
    return "" if made.diversity is None else f": {made.diversity:.2f} times as varied as {made.kind} cells"


def _columns(n: int) -> int:
    return int(np.ceil(np.sqrt(n)))


def _generated(made: Gallery) -> str:
    return f"generated{_told(made)}, noise of seed {made.seed}"


def _told(made: Gallery) -> str:
    return f" as {made.treatment}" if made.treatment else ""


def _cells(made: Gallery) -> str:
    return f"{made.kind} cells{f' of {made.treatment}' if made.treatment else ''}"


def _view(made: Gallery) -> tuple[str, str, tuple[str, ...], str | None]:
    """What must be equal for one row of real cells to serve two models."""
    return made.model.seen, made.model.store.identity, made.model.channels, made.treatment


def _input(made: Gallery, others: Sequence[Gallery]) -> str:
    return f" ({made.model.seen})" if len({_view(one) for one in others}) > 1 else ""
