"""Pictures of galleries: composites, single channels, and several models one below the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cytobench.phenotypes import pictures
from cytobench.phenotypes.gallery.gallery import Gallery
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.sheets import Panel, caption, sheet, zoom_for

WIDTHS = {"composites": 1000, "channels": 520, "together": 1200}
"""About how wide a grid of each kind is, px."""


def composite_sheet(made: Gallery) -> np.ndarray:
    """Draw generated cells beside real ones, all channels in one picture each: (H, W, 3) uint8."""
    model, columns = made.model, _columns(len(made.generated))
    zoom = zoom_for(model.size, columns, WIDTHS["composites"])
    shown = {_generated(made): made.generated, f"{_cells(made)}, drawn at random": made.cells}
    panels = [Panel(name, pictures.composites(images, model.channels), columns, zoom=zoom) for name, images in shown.items()]
    return sheet(model.title, [panels], caption(model, zoom))


def channel_sheet(made: Gallery) -> np.ndarray:
    """Draw each channel by itself in grey, generated cells above real ones: (H, W, 3) uint8."""
    model, columns = made.model, _columns(len(made.generated))
    zoom = zoom_for(model.size, columns, WIDTHS["channels"])

    def panels(name: str, images: np.ndarray) -> list[Panel]:
        return [
            Panel(f"{channel}, {name}", pictures.single_channel(images, number), columns, zoom=zoom)
            for number, channel in enumerate(model.channels)
        ]

    text = f"Each channel by itself in grey, each cell at the same place in all; {pictures.SCALING}. Input: {model.seen}."
    return sheet(model.title, [panels("generated", made.generated), panels(_cells(made), made.cells)], text)


def together_sheet(made: Sequence[Gallery], columns: int = 12) -> np.ndarray:
    """Draw a row of generated cells for each model, and below them real cells as each kind of input shows them."""
    rows = [_row(f"{one.model.title}{_told(one)}{_input(one, made)}", one.generated, one.model, columns) for one in made]
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
    text = f"{'; or '.join(legends.values())}; {pictures.SCALING}.{differs}"
    return sheet(title, [[row] for row in rows], text)


def _row(heading: str, images: np.ndarray, model: Model, columns: int) -> Panel:
    cells = pictures.composites(images[:columns], model.channels)
    return Panel(heading, cells, columns, zoom=zoom_for(model.size, columns, WIDTHS["together"]))


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
