"""Pictures of paths: a grid of rows, and the frames of an animation."""

from __future__ import annotations

from textwrap import fill

import numpy as np

from cytobench.phenotypes.captions import caption, flagged_text
from cytobench.phenotypes.interpolation.codes import Traversal, change_text
from cytobench.phenotypes.interpolation.interpolation import CROSS_FADE, Interpolation
from cytobench.phenotypes.pictures import composites
from cytobench.phenotypes.sheets import Panel, sheet, zoom_for

WIDTH, FRAME_WIDTH = 1100, 760
"""About how wide a path is in a sheet, and all pairs in a frame, px."""

LABEL = 14
"""Letters in a line of a name above a column."""

FEW_COLOURS = "This file holds 256 colours; the .png holds all."

WHAT = {
    "linear": "along a straight line through {}",
    "spherical": "along a great arc through {} (White 2016)",
    CROSS_FADE: "cross-fade of pixels between the same end images, without the model",
}


def path_sheet(made: Interpolation, pairs: int) -> np.ndarray:
    """Draw the first ``pairs`` paths as rows, and of latent paths the cells at their ends: (H, W, 3) uint8."""
    columns = len(made.places) + (2 if made.cells is not None else 0)
    zoom = zoom_for(made.model.size, columns, WIDTH)
    panels = [_path_panel(made, path, pairs, zoom) for path in made.images]
    beside = 1 if len(panels) < 3 else 2  # three below each other are too high for a page
    rows = [panels[first : first + beside] for first in range(0, len(panels), beside)]
    return sheet(made.model.title, rows, _about(made, pairs, zoom))


def path_frames(made: Interpolation, pairs: int) -> list[np.ndarray]:
    """Draw each place of the paths as a frame (H, W, 3) uint8 with all pairs side by side, a row for each kind of path."""
    model = made.model
    shown = min(pairs, made.pairs)
    zoom = zoom_for(model.size, shown, FRAME_WIDTH)

    def frame(place: int) -> np.ndarray:
        rows = [
            [Panel(_named(made, path), composites(images[:shown, place], model.channels), shown, zoom=zoom)]
            for path, images in made.images.items()
        ]
        return sheet(model.title, rows, f"{made.places[place]:.2f} of the way. {_about(made, pairs, zoom)} {FEW_COLOURS}")

    return [frame(place) for place in range(len(made.places))]


def code_sheet(made: Traversal) -> np.ndarray:
    """Draw a panel for each code, a row for each point of noise: (H, W, 3) uint8."""
    model, steps = made.model, len(made.values)
    zoom = zoom_for(model.size, steps, WIDTH)
    labels = tuple(
        f"{value:.2g}{'' if inside else chr(10) + 'beyond'}" for value, inside in zip(made.values, made.inside, strict=True)
    )
    panels = [
        Panel(_code(made, code), composites(images.reshape(-1, *images.shape[2:]), model.channels), steps, (), labels, zoom)
        for code, images in enumerate(made.images)
    ]
    return sheet(model.title, [[panel] for panel in panels], _about_codes(made, zoom))


def code_frames(made: Traversal) -> list[np.ndarray]:
    """Draw each value as a frame (H, W, 3) uint8, a row for each code and all points of noise side by side."""
    model, shown = made.model, made.images.shape[1]
    zoom = zoom_for(model.size, shown, FRAME_WIDTH)

    def frame(step: int) -> np.ndarray:
        rows = [[Panel(_code(made, code), composites(images[:, step], model.channels), shown, zoom=zoom)]
                for code, images in enumerate(made.images)]  # fmt: skip
        return sheet(model.title, rows, f"Code {made.values[step]:+.2f}. {_about_codes(made, zoom)} {FEW_COLOURS}")

    return [frame(step) for step in range(len(made.values))]


def _path_panel(made: Interpolation, path: str, pairs: int, zoom: int) -> Panel:
    model, images = made.model, made.images[path][:pairs]
    labels = [f"{place:.3g}" for place in made.places]
    rows: tuple[str, ...] = tuple(f"pair {number + 1}" for number in range(len(images)))
    if made.cells is not None:
        cells = made.cells[: len(images)]
        first, last = (model.real(cells[:, end])[:, None] for end in (0, 1))
        images = np.concatenate([first, images, last], axis=1)
        start, end = (f"{fill(group, LABEL)}\n{model.kind} cell" for group in made.groups or ("", ""))
        labels = [start.strip(), *labels, end.strip()]
        rows = tuple(f"row:{one} to row:{other}" for one, other in cells)
    shown = composites(images.reshape(-1, *images.shape[2:]), model.channels)
    return Panel(_named(made, path), shown, images.shape[1], rows, tuple(labels), zoom)


def _named(made: Interpolation, path: str) -> str:
    return WHAT[path].format("its noise" if made.space == "noise" else "its codes")


def _about(made: Interpolation, pairs: int, zoom: int) -> str:
    ends, noise = f"pairs of noise of seed {made.seed}", ""
    if made.cells is not None:
        ends = (
            f"cells drawn by seed {made.seed}, {f'{made.groups[0]} to {made.groups[1]}' if made.groups else 'of any treatment'}"
        )
        noise = flagged_text(made.model, np.unique(made.cells[:pairs]))
    told = " Every image is told the treatment of one cell." if made.model.conditions else ""
    return f"Paths between {ends}; 0 and 1 are the ends.{told}{noise} {caption(made.model, zoom)}"


def _code(made: Traversal, code: int) -> str:
    return f"code {code + 1} of {len(made.images)}: {change_text(made.changes[code])}"


def _about_codes(made: Traversal, zoom: int) -> str:
    told = " Every point is told the treatment of one cell." if made.model.conditions else ""
    return (
        f"One code at a time, the others 0, at {made.images.shape[1]} points of noise of seed {made.seed}; in training codes lie "
        f"between -1 and 1.{told} {caption(made.model, zoom)}"
    )
