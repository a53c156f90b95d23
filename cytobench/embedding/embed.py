"""Embed the cells of a store, alone or as one of several processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from lightning_fabric import Fabric

from cytobench.datasets.store import CellStore
from cytobench.embedding.checks import feature_names, name_of, refuse_dependence
from cytobench.embedding.forward import Embedder
from cytobench.embedding.parts import Parts
from cytobench.method import Method
from cytobench.profiling.aggregate import cells_to_wells
from cytobench.progress import progress_bar
from cytobench.training.allocation import keeping_freed_memory

ORDER_SEED = 0
"""Of the order in which cells are embedded."""


@dataclass(frozen=True)
class Embeddings:
    """One vector a cell, in the order of the store."""

    values: np.ndarray
    """(N, D) float32, in memory or memory-mapped."""
    feature_names: tuple[str, ...]
    cells: pd.DataFrame
    """N rows: plate, well, compound, concentration ..."""

    def wells(self) -> pd.DataFrame:
        """Average over the cells of each well: a profile table."""
        return cells_to_wells(self.values, self.cells, self.feature_names)


def embed(
    method: Method,
    store: CellStore,
    *,
    path: Path | None = None,
    resume: str | None = None,
    fabric: Fabric | None = None,
    progress: bool = False,
) -> Embeddings:
    """Embed every cell of a store.

    Args:
        method: made for this store's channels (``cytobench.load_method``).
        store: the cells.
        path: a ``.npy`` file for the values, which are written beside it as they come; in memory where None.
        resume: what decides the vectors, as a run's key: what an earlier call with the same left when it was stopped is gone on
            with. Where None, every cell is embedded.
        fabric: this process, the first, among those that embed together into ``path``; the others call :func:`embed_share`.
        progress: show a progress bar on stderr.

    Raises:
        CytoBenchError: where the method returns anything but finite float32 of shape (B, D).
    """
    embedder, order = Embedder(method, store), _order(store)
    if path is None:
        values = np.empty((len(store), embedder.features), np.float32)
        with keeping_freed_memory(), progress_bar(len(store), "embed", "cell", shown=progress) as bar:
            for rows, vectors in embedder.pieces(order):
                values[rows] = vectors
                bar.update(len(rows))
    else:
        parts = Parts(path, len(store), embedder.features, resume or "")
        parts.remove(others_only=resume is not None)
        _append_share(embedder, parts, order, fabric, progress)
        values = parts.join()
    refuse_dependence(embedder.rows, order, values, method)
    return Embeddings(values, feature_names(method.feature_names, values.shape[1], name_of(method)), store.cells)


def embed_share(method: Method, store: CellStore, path: Path, resume: str, fabric: Fabric) -> None:
    """Embed this process's share of the cells, where another calls :func:`embed` with the same ``path`` and ``resume``."""
    embedder = Embedder(method, store)
    _append_share(embedder, Parts(path, len(store), embedder.features, resume), _order(store), fabric, progress=False)


def _append_share(embedder: Embedder, parts: Parts, order: np.ndarray, fabric: Fabric | None, progress: bool) -> None:
    rank, ranks = (0, 1) if fabric is None else (fabric.global_rank, fabric.world_size)
    _wait(fabric)  # for the first process to have removed what is not to be gone on with
    left = order[~parts.done()[order]]
    _wait(fabric)  # all see the same before anyone appends
    share = left[rank::ranks]
    total = -(-len(order) // ranks)
    shown = progress_bar(total, "embed", "cell", shown=progress, done=total - len(share))
    with keeping_freed_memory(), parts.appending(rank) as append, shown as bar:
        for rows, vectors in embedder.pieces(share):
            append(rows, vectors)
            bar.update(len(rows))
    _wait(fabric)


def _wait(fabric: Fabric | None) -> None:
    """Go on when every process has come here."""
    if fabric is not None:
        fabric.barrier()


def _order(store: CellStore) -> np.ndarray:
    """An order of the cells that tells nothing of plate and treatment: a store's own order would be a label."""
    return np.random.default_rng(ORDER_SEED).permutation(len(store))
