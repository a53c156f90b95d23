"""Pictures of one run's scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cytobench.figures import COLOURS, head, save_figure
from cytobench.results.schema import Scores

SCORES = dict(zip(("nsc", "nscb"), COLOURS, strict=False))
"""Of the two accuracies; apart for colour-blind readers too."""


def draw_scores(scores: Scores, title: str, path: Path) -> None:
    """Draw the whole panel with its intervals, and the confusion matrix of the headline.

    Args:
        scores: of one run.
        title: over the picture; says so where the data are simulated.
        path: a ``.png`` file.
    """
    figure = Figure(figsize=(14, 6.2), layout="constrained")
    panel, matrix = figure.subplots(1, 2, width_ratios=[1, 1.15])
    head(figure, title)
    _draw_panel(panel, scores)
    _draw_confusion(matrix, scores)
    save_figure(figure, path)


def _draw_panel(axes: Axes, scores: Scores) -> None:
    names = [entry.postprocessing for entry in scores.panel]
    for offset, (metric, colour) in zip((-0.14, 0.14), SCORES.items(), strict=True):
        for row, entry in enumerate(scores.panel):
            estimate = getattr(entry, metric)
            if estimate is None:
                axes.text(0.01, row, "not available", color="grey", va="center") if offset < 0 and not entry.available else None
                continue
            axes.plot([estimate.low, estimate.high], [row + offset] * 2, color=colour, lw=2, alpha=0.5)
            axes.plot(estimate.value, row + offset, "o", color=colour, label=metric.upper() if row == 0 else None)
    axes.axhspan(names.index(scores.headline) - 0.45, names.index(scores.headline) + 0.45, color="#f3e9c9", zorder=0)
    axes.set(xlim=(0, 1), xlabel="accuracy, 95% interval over compounds", title="post-processing panel, headline shaded")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right", bbox_to_anchor=(1, -0.09), ncols=2, frameon=False)


def _draw_confusion(axes: Axes, scores: Scores) -> None:
    axes.set_title(
        f"nearest neighbours under {scores.headline}, not same compound\n(numbers: treatments; colour: share of the row)"
    )
    if not scores.confusion:
        axes.text(0.5, 0.5, f"not available: {scores.entry().reason}", ha="center", wrap=True, transform=axes.transAxes)
        axes.set_axis_off()
        return
    counts = np.array(scores.confusion)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count >= 0.05:
            colour = "white" if share[row, column] > 0.55 else "black"
            axes.text(
                column,
                row,
                f"{count:.3g}" if count % 1 < 1e-9 else f"{count:.1f}",
                ha="center",
                va="center",
                color=colour,
                fontsize=8,
            )
    axes.set_xticks(range(len(scores.labels)), scores.labels, rotation=40, ha="right")
    axes.set_yticks(range(len(scores.labels)), scores.labels)
    axes.set(xlabel="MOA of the nearest neighbour", ylabel="MOA (treatments)")
