"""Pictures of one training: its curves, and a grid of the cells that came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from cytobench.errors import CytoBenchError
from cytobench.figures import COLOURS, clean, head, save_figure
from cytobench.files import replacing
from cytobench.imaging.cropping import NUCLEUS
from cytobench.imaging.overlay import coloured, outlined
from cytobench.results.training_history import Series, TrainingHistory, read_training_history

WARNED = "#b3261e"
"""Of evaluations that warned."""

EXPECTED = {"diversity": (1.0, "as varied as real cells"), "discriminator_accuracy": (0.5, "cannot tell")}
"""What a measure is in an ideal training, drawn as a line."""

GAP = 2
"""Pixels between the cells of a grid."""


def draw_training(log: Path, target: Path, title: str) -> None:
    """Draw losses, reports and evaluations against steps, with a tick at the foot wherever an evaluation warned.

    Args:
        log: a ``log.jsonl``.
        target: a ``.png`` file.
        title: over the picture; says so where the data are simulated.

    Raises:
        CytoBenchError: where the log is damaged, or holds nothing yet.
    """
    read = read_training_history(log)
    panels = _panels(read)
    if not panels:
        raise CytoBenchError(f"{log}: holds no step yet, so there is nothing to draw; train for longer")
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.7 * columns, 0.5 + 3.1 * rows), layout="constrained")
    head(figure, title)
    for number, draw in enumerate(panels):
        axes = figure.add_subplot(rows, columns, number + 1)
        draw(axes)
        _finish(axes, read.steps)
    save_figure(figure, target)


def draw_grid(images: np.ndarray, path: Path, columns: int, masks: np.ndarray | None = None) -> None:
    """Draw cells side by side, the first three channels blue, green and red, and where there are masks their outlines.

    Args:
        images: (n, C, H, W) in [0, 1].
        path: a ``.png`` file.
        columns: cells in a row.
        masks: (n, H, W): 0 elsewhere, 1 cytoplasm, 2 nucleus.
    """
    count, _, height, width = images.shape
    columns = min(columns, count)
    grid = np.zeros((-(-count // columns) * (height + GAP) - GAP, columns * (width + GAP) - GAP, 4), np.uint8)
    limits = np.zeros(images.shape[1]), np.ones(images.shape[1])
    for number, cell in enumerate(images.astype(np.float32)):
        top, left = number // columns * (height + GAP), number % columns * (width + GAP)
        picture = coloured(cell, *limits)
        if masks is not None:
            picture = outlined(picture, masks[number] == NUCLEUS, masks[number] > 0)
        grid[top : top + height, left : left + width, :3] = picture
        grid[top : top + height, left : left + width, 3] = 255  # what is between cells stays clear: it suits any page
    with replacing(path) as temporary:
        Image.fromarray(grid).save(temporary)


def _panels(log: TrainingHistory) -> list[Callable[[Axes], None]]:
    """What draws each panel that there is something for."""
    panels: list[Callable[[Axes], None]] = []
    if log.losses:
        panels.append(lambda axes: _draw_lines(axes, "losses", log.losses))
    if log.reports:
        panels.append(lambda axes: _draw_lines(axes, "reports", log.reports))
    for name, series in log.evaluations.items():
        panels.append(lambda axes, name=name, series=series: _draw_evaluations(axes, name, series, tuple(log.warnings)))  # type: ignore[misc]
    return panels


def _draw_lines(axes: Axes, title: str, lines: dict[str, Series]) -> None:
    axes.set_title(title, loc="left")
    for number, (name, series) in enumerate(lines.items()):
        steps = sorted(series)
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(steps, [series[step] for step in steps], color=colour, lw=1.3, label=name.replace("$", r"\$"))
    _legend(axes)


def _draw_evaluations(axes: Axes, name: str, series: Series, warned: tuple[int, ...]) -> None:
    steps = sorted(series)
    axes.set_title(name.replace("_", " "), loc="left")
    axes.plot(steps, [series[step] for step in steps], "o-", color=COLOURS[0], lw=1.3, ms=4)
    axes.set_ylim(bottom=min(0, *series.values()))  # an unbiased distance may be below 0
    if name in EXPECTED:
        value, meaning = EXPECTED[name]
        axes.set_ylim(top=max(1.15, *series.values()))
        axes.axhline(value, color="grey", lw=1, ls=":")
        axes.text(0.98, value, meaning, ha="right", va="bottom", color="grey", fontsize=9, transform=axes.get_yaxis_transform())
    foot = axes.get_xaxis_transform()
    axes.plot(warned, [0.02] * len(warned), "^", color=WARNED, transform=foot, clip_on=False, label="warned", ls="", ms=6)
    if warned:
        _legend(axes)


def _legend(axes: Axes) -> None:
    """Beside the title, where no curve runs."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.02, 0.98), ncols=3, frameon=False, fontsize=9, columnspacing=1)


def _finish(axes: Axes, steps: int) -> None:
    axes.set(xlabel="steps", xlim=(0, 1.02 * max(steps, 1)))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    clean(axes)
