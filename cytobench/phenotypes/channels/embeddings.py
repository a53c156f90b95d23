"""Cells embedded in every version, a few wells at a time: of a version only wells and distances are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from cytobench.embedding.checks import checked, feature_names, name_of
from cytobench.errors import CytoBenchError, blaming
from cytobench.phenotypes.channels.cells import ScoredCells
from cytobench.phenotypes.channels.movement import FeatureScale, beyond_addition, cosine_distances
from cytobench.phenotypes.channels.versions import Version
from cytobench.phenotypes.model import Model
from cytobench.profiling.aggregate import cells_to_wells
from cytobench.progress import progress_bar


@dataclass
class VersionSeen:
    """What became of the cells in one version; its lists have one entry a chunk."""

    wells: list[pd.DataFrame] = field(default_factory=list)
    """Profiles."""
    distances: list[np.ndarray] = field(default_factory=list)
    """(m,) cosine distances of the cells from themselves as they are."""
    reason: str | None = None
    """Why the method could not embed it."""


@dataclass
class ChannelEmbeddings:
    """The cells as they are, and what is kept of their versions."""

    intact: np.ndarray
    """(n, D) float32."""
    names: tuple[str, ...]
    """D names of features."""
    scale: FeatureScale
    seen: dict[Version, VersionSeen]
    beyond: list[np.ndarray] = field(default_factory=list)
    """(m,) a chunk: what channels do together beyond what they do one by one."""
    together: list[np.ndarray] = field(default_factory=list)
    """(m,) a chunk: the squared distance to the partner."""

    @property
    def swaps(self) -> list[VersionSeen]:
        """The versions with a channel swapped."""
        return [seen for version, seen in self.seen.items() if version.kind == "swapped"]


class _Shown(NamedTuple):
    """Cells as the method sees them."""

    images: np.ndarray
    masks: np.ndarray | None


def embed_versions(
    model: Model, cells: ScoredCells, versions: tuple[Version, ...], constant: float, *, progress: bool = False
) -> ChannelEmbeddings:
    """Embed every cell as it is and in every version.

    Args:
        model: the method.
        cells: which, and who gives whom a channel.
        versions: how they are changed; one that the method cannot embed keeps the reason instead.
        constant: what a feature must vary by, as a part of its mean absolute value, to count in distances.
        progress: show a bar on stderr.

    Raises:
        CytoBenchError: where the method cannot embed the cells as they are.
    """
    with progress_bar(len(cells.rows) * (1 + len(versions)), "embed versions of cells", "cell", shown=progress) as bar:
        parts = []
        for chunk in cells.chunks():
            parts.append(_embed(model, *_read(model, cells.rows[chunk])))
            bar.update(chunk.stop - chunk.start)
        intact = np.concatenate(parts)
        names = feature_names(model.method.feature_names, intact.shape[1], name_of(model.method))
        kept = ChannelEmbeddings(intact, names, FeatureScale(intact, constant), {version: VersionSeen() for version in versions})
        for chunk in cells.chunks():
            _embed_chunk(model, cells, chunk, _read(model, cells.rows[chunk]), kept)
            bar.update((chunk.stop - chunk.start) * len(versions))
    return kept


def _embed_chunk(model: Model, cells: ScoredCells, chunk: slice, shown: _Shown, kept: ChannelEmbeddings) -> None:
    """Add one chunk of every version to ``kept``."""
    positions = cells.partners[chunk] - chunk.start
    partners = shown.images[positions]
    intact = kept.scale(kept.intact[chunk])
    moved = []
    for version, seen in kept.seen.items():
        if seen.reason is not None:
            continue
        try:
            values = _embed(model, version.of(shown.images, partners), shown.masks)
        except CytoBenchError as error:
            seen.reason = str(error)
            continue
        scaled = kept.scale(values)
        seen.wells.append(cells_to_wells(values, cells.table[chunk], kept.names))
        seen.distances.append(cosine_distances(intact, scaled))
        if version.kind == "swapped":
            moved.append(scaled - intact)
    if len(moved) == len(kept.swaps):  # with masks, the partner in the mask of the cell is none of the cells as they are
        partner = intact[positions] if shown.masks is None else kept.scale(_embed(model, partners, shown.masks))
        kept.beyond.append(beyond_addition(moved, partner - intact))
        kept.together.append(((partner - intact) ** 2).sum(axis=1))


def _read(model: Model, rows: np.ndarray) -> _Shown:
    batches = list(model.batches(rows))
    masks = [batch.masks.numpy() for batch in batches if batch.masks is not None]
    return _Shown(np.concatenate([batch.images.numpy() for batch in batches]), np.concatenate(masks) if masks else None)


def _embed(model: Model, images: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
    with blaming(f"{name_of(model.method)}.embed"):
        return checked(model.embed(images, masks), len(images), model.method)
