"""The picture of generated cells beside the training cells that they may be copies of."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from cytobench.figures import COLOURS, clean, save_figure
from cytobench.phenotypes.pictures import SCALING, composites, legend
from cytobench.phenotypes.realism.memorisation import Memorisation, turned_back
from cytobench.phenotypes.realism.protocol import RealismProtocol

TRIPLES = 4
"""Generated cells in a row of a block, each with its two nearest."""
GAP = 2
"""Pixels between the cells of a triple."""
WIDTH, HEAD, TITLED, HISTOGRAMS = 18, 0.8, 0.35, 2.3
"""Inches: of the picture, and the heights of its head, of the titles of both blocks and of the histograms."""


class Pictured(NamedTuple):
    """Generated cells and the training cells that they may be copies of."""

    title: str
    """Over the picture; says so where data are simulated."""
    kind: Literal["real", "simulated"]
    space: str
    """What features are."""
    channels: tuple[str, ...]
    generated: np.ndarray
    """(n, C, H, W) in [0, 1]."""
    training: np.ndarray
    """(m, C, H, W) in [0, 1]."""


def draw_pairs(cells: Pictured, found: Memorisation, other: Memorisation, protocol: RealismProtocol, path: Path) -> None:
    """Draw generated cells beside their nearest training cells, those most like copies and random ones, and all distances.

    Args:
        cells: what is shown.
        found: the nearest training cells of the generated ones.
        other: the nearest other cells of cells of the store.
        protocol: of the benchmark.
        path: a ``.png`` file.
    """
    order = found.order()
    random = np.random.default_rng(protocol.seed).permutation(len(order))
    chosen = {"most like copies": order[: protocol.shown], "at random": random[: protocol.shown]}
    sheets = [_sheet(cells, found, rows) for rows in chosen.values()]
    heights = (HEAD, TITLED + WIDTH / 2 * sheets[0].shape[0] / sheets[0].shape[1], HISTOGRAMS)
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    above, middle, below = np.ravel(np.array(figure.subfigures(3, 1, height_ratios=heights)))
    _write_head(above, cells, protocol)
    parts = zip(np.ravel(middle.subplots(1, 2)), chosen.items(), sheets, strict=True)
    for axes, (name, rows), sheet in parts:
        _draw_block(axes, sheet, cells.generated.shape[-1], found, rows)
        axes.set_title(f"{len(rows)} of {len(order):,} generated cells, {name}", loc="left", fontsize=11)
    _draw_distances(below.subplots(1, 4), found, other, cells.kind, protocol)
    save_figure(figure, path)


def _write_head(above: SubFigure, cells: Pictured, protocol: RealismProtocol) -> None:
    title = f"{cells.title}: generated cells and their nearest training cells"
    note = (
        f"each three: generated, nearest training cell in {cells.space}, nearest in pixels in any of 8 orientations; below, its "
        f"distance over the next one's: a copy under {protocol.copy_ratio:.2f}\n{legend(cells.channels)}; {SCALING}"
    )
    above.text(0.01, 0.92, title, va="top", fontsize=12, fontweight="bold", parse_math=False)
    above.text(0.01, 0.56, note, va="top", fontsize=9, color="#444444", parse_math=False)


def _sheet(cells: Pictured, found: Memorisation, rows: np.ndarray) -> np.ndarray:
    """Triples in a grid on white, room under each: (H, W, 3) uint8."""
    size = cells.generated.shape[-1]
    width, height = _pitch(size)
    sheet = np.full((-(-len(rows) // TRIPLES) * height, TRIPLES * width - size // 6, 3), 255, np.uint8)
    for number, row in enumerate(rows):
        top, left = number // TRIPLES * height, number % TRIPLES * width
        turned = turned_back(cells.training[found.pixels.row[row]], found.orientation[row])
        three = np.stack([cells.generated[row], cells.training[found.features.row[row]], turned])
        for place, picture in enumerate(composites(three, cells.channels)):
            at = left + place * (size + GAP)
            sheet[top : top + size, at : at + size] = picture
    return sheet


def _draw_block(axes: Axes, sheet: np.ndarray, size: int, found: Memorisation, rows: np.ndarray) -> None:
    """A sheet, the ratios under each training cell."""
    width, height = _pitch(size)
    for number, row in enumerate(rows):
        top, left = number // TRIPLES * height, number % TRIPLES * width
        for place, near in enumerate((found.features, found.pixels), start=1):
            middle = left + place * (size + GAP) + size / 2
            axes.text(middle, top + size + 1, f"{near.ratio[row]:.2f}", ha="center", va="top", fontsize=8)
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()


def _pitch(size: int) -> tuple[int, int]:
    """From one triple of cells of a size to the next, across and down, px."""
    return 3 * (size + GAP) + size // 6, size + size // 4


def _draw_distances(panels: np.ndarray, found: Memorisation, other: Memorisation, kind: str, protocol: RealismProtocol) -> None:
    """Distances to the nearest training cell over the median of the store's cells, then ratios, in features and in pixels."""
    for axes, what in zip(panels[:2], ("features", "pixels"), strict=True):
        generated, cells = getattr(found, what).distance, getattr(other, what).distance
        unit = max(float(np.median(cells)), np.finfo(float).tiny)
        _draw_histograms(axes, generated / unit, cells / unit, kind, f"distance in {what}, 1 = {kind} cells' median")
    for axes, what in zip(panels[2:], ("features", "pixels"), strict=True):
        ratios = getattr(found, what).ratio, getattr(other, what).ratio
        _draw_histograms(axes, *ratios, kind, f"nearest over next nearest, {what}")
        axes.axvline(protocol.copy_ratio, color="#444444", lw=1, ls=":")
        axes.set_xlim(0, 1.02)
    panels[0].set_ylabel("share of cells")
    panels[0].legend(loc="best", frameon=False, fontsize=9)
    panels[2].text(
        protocol.copy_ratio - 0.02,
        0.95,
        "copies",
        ha="right",
        va="top",
        fontsize=9,
        color="#444444",
        transform=panels[2].get_xaxis_transform(),
    )


def _draw_histograms(axes: Axes, generated: np.ndarray, cells: np.ndarray, kind: str, label: str) -> None:
    edges = [float(edge) for edge in np.linspace(0, max(generated.max(), cells.max(), 1), 41)]
    for values, colour, name in ((cells, COLOURS[0], f"{kind} cells"), (generated, COLOURS[1], "generated cells")):
        weights = np.full(len(values), 1 / len(values))
        axes.hist(values, edges, weights=weights, histtype="stepfilled", color=colour, alpha=0.3)
        axes.hist(values, edges, weights=weights, histtype="step", color=colour, lw=1.4, label=name)
    axes.set_xlabel(label, fontsize=9.5)
    clean(axes, "x")
