"""How figures are finished and written, whoever draws them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cytobench.files import replacing

COLOURS = ("#1b6ca8", "#d1603d", "#5b8c5a", "#8a5aa8", "#b08a2e", "#4d4d4d")
"""Of lines and points, in turn: what is real or first is blue, what is generated or second is red."""

NEUTRAL = "#8c8c8c"
"""Of controls and of noise."""


def save_figure(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write a figure, whole or not at all."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi)


def head(figure: Figure, title: str) -> None:
    """Write a title over a figure, from the left; a name may hold any character."""
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", parse_math=False)


def clean(axes: Axes, grid: Literal["both", "x", "y"] = "both") -> None:
    """Leave two spines, and faint lines to read values by."""
    axes.grid(alpha=0.3, axis=grid)
    axes.spines[["top", "right"]].set_visible(False)
