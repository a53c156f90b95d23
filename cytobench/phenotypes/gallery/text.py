"""What ``cytobench generate`` says on a terminal."""

from __future__ import annotations

from cytobench.phenotypes.captions import UNTRAINED, is_untrained
from cytobench.phenotypes.gallery.record import GalleryRecord
from cytobench.phenotypes.gallery.told import told_text
from cytobench.training.collapse import COLLAPSED_DIVERSITY


def gallery_text(made: GalleryRecord) -> str:
    """Say what a gallery holds, what stands against reading much into it, and where its files are."""
    lines = [f"{made.title}: {made.generated:,} generated cells beside {_cells(made)}"]
    if is_untrained(made.model):
        lines.append(f"note: {UNTRAINED}")
    if made.told is not None:
        lines.append(told_text(made.told))
    if made.diversity is not None:
        alike = made.diversity < COLLAPSED_DIVERSITY and not is_untrained(made.model)
        collapsed = " (mode collapse: nearly one cell again and again)" if alike else ""
        lines.append(f"They are {made.diversity:.2f} times as varied as {made.kind} cells{collapsed}.")
    if made.flagged:
        lines.append(f"The data set flags {made.flagged} of the {made.compared:,} {made.kind} cells as noise.")
    return "\n".join([*lines, *(f"  {file}" for file in made.files)])


def _cells(made: GalleryRecord) -> str:
    of = made.treatment or "the data set"
    if made.whole:
        return f"all {made.compared:,} {made.kind} cells of {of}"
    return f"{made.compared:,} {made.kind} ones"
