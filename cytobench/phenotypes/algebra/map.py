"""From cells to codes, and the affine map from codes to the space in which profiles are compared."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from cytobench.benchmark import MOABenchmark
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.profiling.postprocess import NotAvailableError, Panel
from cytobench.progress import progress_bar
from cytobench.scoring.screen import Screen

ENCODED = 1024
"""Cells between two movements of the progress bar."""

WHOLE_SCREEN = ("standardize", "sphering")
"""Post-processings that map every well of a screen by one affine map, and its control to the origin."""


class Encoder(Protocol):
    """What has codes of a store's cells: a :class:`Model`, or what stands for one."""

    @property
    def name(self) -> str:
        """For errors."""

    @property
    def store(self) -> CellStore:
        """The cells."""

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Codes (n, Z) of rows of the store."""


def affine_map(screen: Screen, benchmark: MOABenchmark, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a benchmark's headline post-processing as a matrix (Z, D) and an offset (D,).

    They are found by what it does to the origin and to unit vectors, which ride along as wells that are no controls.

    Args:
        screen: the wells; what is fitted is fitted on its control wells.
        benchmark: says which post-processing.
        where: the data set's name, for errors.

    Raises:
        CytoBenchError: where there are too few control wells.
    """
    protocol, size = benchmark.protocol, screen.values.shape[1]
    if not protocol.headline.startswith(WHOLE_SCREEN):
        raise CytoBenchError(f"{benchmark.identity}: no algebra under {protocol.headline}, which differs between plates")
    probes = np.concatenate([np.zeros((1, size)), np.eye(size)])
    nowhere = np.full(len(probes), "", object)
    panel = Panel(
        np.concatenate([screen.values, probes]),
        np.concatenate([screen.control, np.zeros(len(probes), bool)]),
        np.concatenate([screen.plates, nowhere]),
        np.concatenate([screen.batches, nowhere]),
        minimum_controls=protocol.minimum_controls,
        constant=protocol.constant_feature,
    )
    try:
        mapped = panel.apply(protocol.headline).values[len(screen.values) :]
    except NotAvailableError as reason:
        raise CytoBenchError(f"{where}: no {protocol.headline} profiles, which algebra needs: {reason}") from None
    return mapped[1:] - mapped[0], mapped[0]


def encoded(model: Encoder, rows: np.ndarray, progress: bool) -> np.ndarray:
    """Return the codes (n, Z) of cells in double precision; :class:`CytoBenchError` where one is not finite."""
    parts = []
    with progress_bar(len(rows), "encoding", "cell", shown=progress) as bar:
        for start in range(0, len(rows), ENCODED):
            parts.append(model.encode(rows[start : start + ENCODED]).astype(np.float64))
            bar.update(len(parts[-1]))
    codes = np.concatenate(parts) if parts else np.empty((0, 1))
    if not np.isfinite(codes).all():
        row = rows[int(np.argmax(~np.isfinite(codes).all(axis=1)))]
        raise CytoBenchError(f"{model.name}: the code of row {row} of {model.store.name} is not finite; train the model again")
    return codes
