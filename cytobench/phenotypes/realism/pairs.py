"""The picture of generated cells beside the training cells that they may be copies of."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cytobench.phenotypes.pictures import SCALING, composites, legend
from cytobench.phenotypes.realism.figures import GENERATED, REAL, clean, save
from cytobench.phenotypes.realism.memorisation import Memorisation
from cytobench.phenotypes.realism.protocol import RealismProtocol

TRIPLES = 4
"""Generated cells in a row of a block, each with its two nearest."""
GAP = 2
"""Pixels between the cells of a triple."""


class Pictured(NamedTuple):
    """Generated cells and the training cells that they may be copies of."""

    title: str
    """Over the picture; says so where data are simulated."""
    space: str
    """What features are."""
    channels: tuple[str, ...]
    generated: np.ndarray
    """(n, C, H, W) in [0, 1]."""
    training: np.ndarray
    """(m, C, H, W) in [0, 1]."""


def draw_pairs(cells: Pictured, found: Memorisation, real: Memorisation, protocol: RealismProtocol, path: Path) -> None:
    """Draw generated cells beside their nearest training cells, those most like copies and random ones, and all distances.

    Args:
        cells: what is shown.
        found: the nearest training cells of the generated ones.
        real: the nearest other training cells of real cells.
        protocol: of the benchmark.
        path: a ``.png`` file.
    """
    order = found.order()
    random = np.random.default_rng(protocol.seed).permutation(len(order))
    figure = Figure(figsize=(18, 7.5), layout="constrained")
    figure.suptitle(
        f"{cells.title}: generated cells and their nearest training cells\n",
        x=0.01,
        ha="left",
        fontweight="bold",
        parse_math=False,
    )
    note = (
        f"each three: generated, nearest training cell in {cells.space}, nearest in pixels; below, its distance over the next "
        f"one's: a copy under {protocol.copy_ratio:.2f}\n{legend(cells.channels)}; {SCALING}"
    )
    figure.text(0.01, 0.958, note, va="top", fontsize=9, color="#444444", parse_math=False)
    above, below = np.ravel(np.array(figure.subfigures(2, 1, height_ratios=(2, 1))))
    blocks = above.subplots(1, 2)
    chosen = {"most like copies": order[: protocol.shown], "at random": random[: protocol.shown]}
    for axes, (name, rows) in zip(blocks, chosen.items(), strict=True):
        _draw_block(axes, cells, found, rows)
        axes.set_title(f"{len(rows)} of {len(order):,} generated cells, {name}", loc="left", fontsize=11)
    _draw_distances(below.subplots(1, 4), found, real, protocol)
    save(figure, path)


def _draw_block(axes: Axes, cells: Pictured, found: Memorisation, rows: np.ndarray) -> None:
    """Triples in a grid, the ratios under each."""
    generated, training = cells.generated, cells.training
    size = generated.shape[-1]
    width, height = 3 * (size + GAP) + size // 6, size + size // 4
    lines = -(-len(rows) // TRIPLES)
    sheet = np.full((lines * height, TRIPLES * width, 3), 255, np.uint8)
    for number, row in enumerate(rows):
        top, left = number // TRIPLES * height, number % TRIPLES * width
        three = [generated[row], training[found.features.row[row]], training[found.pixels.row[row]]]
        for place, picture in enumerate(composites(np.stack(three), cells.channels)):
            at = left + place * (size + GAP)
            sheet[top : top + size, at : at + size] = picture
        for place, near in enumerate((found.features, found.pixels), start=1):
            middle = left + place * (size + GAP) + size / 2
            axes.text(middle, top + size + 1, f"{near.ratio[row]:.2f}", ha="center", va="top", fontsize=8)
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()


def _draw_distances(panels: np.ndarray, found: Memorisation, real: Memorisation, protocol: RealismProtocol) -> None:
    """Distances to the nearest training cell over the median of real cells, then ratios, in features and in pixels."""
    for axes, what in zip(panels[:2], ("features", "pixels"), strict=True):
        one, other = getattr(found, what).distance, getattr(real, what).distance
        unit = max(float(np.median(other)), np.finfo(float).tiny)
        _draw_histograms(axes, one / unit, other / unit, f"distance in {what}, 1 = real cells' median")
    for axes, what in zip(panels[2:], ("features", "pixels"), strict=True):
        _draw_histograms(axes, getattr(found, what).ratio, getattr(real, what).ratio, f"nearest over next nearest, {what}")
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


def _draw_histograms(axes: Axes, generated: np.ndarray, real: np.ndarray, label: str) -> None:
    edges = [float(edge) for edge in np.linspace(0, max(generated.max(), real.max(), 1), 41)]
    for values, colour, name in ((real, REAL, "real cells"), (generated, GENERATED, "generated cells")):
        weights = np.full(len(values), 1 / len(values))
        axes.hist(values, edges, weights=weights, histtype="stepfilled", color=colour, alpha=0.3)
        axes.hist(values, edges, weights=weights, histtype="step", color=colour, lw=1.4, label=name)
    axes.set_xlabel(label, fontsize=9.5)
    clean(axes)
