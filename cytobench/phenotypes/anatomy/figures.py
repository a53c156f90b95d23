"""Pictures of the anatomy of generated cells beside that of real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cytobench.figures import COLOURS, NEUTRAL, clean, head, save_figure
from cytobench.phenotypes.anatomy.distance import Resampling, mean_profile
from cytobench.phenotypes.anatomy.measuring import STAINS, UNITS, Anatomy, AnatomySpec, property_title

REAL, GENERATED = COLOURS[:2]
SETS = (("{}", REAL, "-"), ("{}, another half", NEUTRAL, "--"), ("generated", GENERATED, "-"))
BINS = 36
"""Of the histograms."""


def draw_radial(
    target: Path,
    title: str,
    seen: str,
    kind: str,
    cells: tuple[Anatomy, Anatomy, Anatomy],
    anatomy: AnatomySpec,
    spec: Resampling,
) -> None:
    """Draw each stain's mean intensity against the distance from the nucleus's boundary, with its interval.

    Args:
        target: a ``.png`` file.
        title: over the picture; says so where the data are simulated.
        seen: how the images are scaled.
        kind: ``real`` or ``simulated``, what the model's cells are compared with.
        cells: real ones, other real ones and the model's.
        anatomy: the bins.
        spec: of the intervals.
    """
    stains = [stain for stain in STAINS if cells[0].channel(stain) is not None]
    if not stains:
        return
    figure = Figure(figsize=(4.2 * max(len(stains), 2), 4.4), layout="constrained")
    head(figure, f"{title}\nradial profiles about the nucleus, {len(cells[0].found):,} cells each; input {seen}")
    panels = figure.subplots(1, len(stains), squeeze=False, sharex=True)[0]
    for axes, stain in zip(panels, stains, strict=True):
        _prepare(axes, property_title(stain), anatomy)
        for one, (name, colour, dash) in zip(cells, SETS, strict=True):
            profiles = one.profiles[:, one.channel(stain) or 0]
            _draw_profile(axes, profiles, anatomy, spec, label=name.format(kind), color=colour, ls=dash)
    panels[0].set_ylabel("mean intensity over the cell = 1")
    _foot(figure, panels[0])
    save_figure(figure, target)


def draw_distributions(target: Path, title: str, seen: str, kind: str, real: Anatomy, generated: Anatomy) -> None:
    """Draw how nucleus area, halo and contents are distributed in real and generated cells, at one scale a panel."""
    pairs = {name: (values, generated.properties[name]) for name, values in real.properties.items()}
    columns = min(len(pairs), 3)
    rows = -(-len(pairs) // columns)
    figure = Figure(figsize=(4.2 * columns, 0.9 + 2.8 * rows), layout="constrained")
    lost = f"no nucleus found: {kind} {1 - real.found.mean():.1%}, generated {1 - generated.found.mean():.1%}"
    head(figure, f"{title}\n{len(real.found):,} {kind} and {len(generated.found):,} generated cells, input {seen}; {lost}")
    for number, (name, (first, second)) in enumerate(pairs.items()):
        _draw_histograms(figure.add_subplot(rows, columns, number + 1), name, kind, first, second)
    _foot(figure, figure.axes[0])
    save_figure(figure, target)


def _prepare(axes: Axes, title: str, spec: AnatomySpec) -> None:
    axes.set_title(title, loc="left")
    axes.axvspan(spec.innermost, 0, color="#eef1f6", zorder=0)
    axes.axvline(0, color="#9aa3b2", lw=1)
    axes.axhline(1, color="#9aa3b2", lw=0.8, ls=":")
    axes.text(spec.innermost + 0.4, 0.02, "nucleus", transform=axes.get_xaxis_transform(), color="#5b6473", fontsize=9)
    axes.set(xlim=(spec.innermost, spec.outermost), xlabel="distance from the nucleus's boundary, px")
    clean(axes)


def _draw_profile(
    axes: Axes, profiles: np.ndarray, anatomy: AnatomySpec, spec: Resampling, *, label: str, color: str, ls: str
) -> None:
    mean, samples = mean_profile(profiles), mean_profile(profiles, spec.weights(len(profiles), 0))
    low, high = np.quantile(samples, [(1 - spec.level) / 2, (1 + spec.level) / 2], axis=0)
    axes.fill_between(anatomy.centres, low, high, color=color, alpha=0.22, lw=0)
    axes.plot(anatomy.centres, mean, color=color, ls=ls, lw=1.8, marker="o", ms=3, label=f"{label} ({spec.level:.0%} band)")


def _draw_histograms(axes: Axes, name: str, kind: str, real: np.ndarray, generated: np.ndarray) -> None:
    known = [part[np.isfinite(part)] for part in (real, generated)]
    together = np.concatenate(known)
    edges = np.histogram_bin_edges(together, BINS) if len(together) else np.linspace(0, 1, BINS)
    for values, colour, label in zip(known, (REAL, GENERATED), (kind, "generated"), strict=True):
        weights = np.full(len(values), 1 / max(len(values), 1))
        axes.hist(values, edges.tolist(), weights=weights, color=colour, alpha=0.3)
        axes.hist(values, edges.tolist(), weights=weights, color=colour, histtype="step", lw=1.6, label=label)
        if len(values):
            axes.axvline(values.mean(), color=colour, lw=1.4, ls="--", label=f"{label}, mean")
    if "halo" in name:
        axes.axvline(1, color="#9aa3b2", lw=1, ls=":")
    axes.set_title(property_title(name), loc="left")
    axes.set(xlabel=UNITS[name], ylabel="share of cells")
    clean(axes)


def _foot(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
