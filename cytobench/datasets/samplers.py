"""Which cells come when: endless orders of a store's rows, fixed by a seed, resumed anywhere, shared out between processes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cytobench.datasets.layout import CONTROL
from cytobench.datasets.selection import select
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.training.settings import Sampling


class Sampler:
    """Batches of rows without end.

    The order is a function of the seed and the position alone: a sampler that is set to a position goes on as one that came
    there, and ``ranks`` processes with the same seed see disjoint shares of every epoch.

    Args:
        rows: (n,) the rows to sample from.
        groups: (n,) the group of each row, to sample groups equally often, or None for every row once an epoch.
        batch_size: rows in a batch.
        seed: of the order.
        rank: this process, from 0.
        ranks: processes that train together.
    """

    def __init__(self, rows: np.ndarray, groups: np.ndarray | None, *, batch_size: int, seed: int, rank: int = 0, ranks: int = 1):
        if not 0 <= rank < ranks:
            raise CytoBenchError(f"rank {rank} of {ranks}: ranks count from 0")
        self._rows, self._groups, self._seed = rows, groups, seed
        self._batch_size, self._rank, self._ranks = batch_size, rank, ranks
        self._epoch, self._order = -1, rows
        self.position = 0
        """Batches that this process has had; set it to go on from there."""

    def __iter__(self) -> Iterator[np.ndarray]:
        while True:
            self.position += 1
            yield self.batch(self.position - 1)

    def batch(self, position: int) -> np.ndarray:
        """Return the rows (batch_size,) of this process's batch at a position; batches span epochs."""
        start = (position * self._ranks + self._rank) * self._batch_size
        places = np.arange(start, start + self._batch_size)
        epochs = places // len(self._rows)
        return np.concatenate([self._at(epoch)[places[epochs == epoch] % len(self._rows)] for epoch in np.unique(epochs)])

    def _at(self, epoch: int) -> np.ndarray:
        """The order of an epoch, made once."""
        if epoch != self._epoch:
            generator = np.random.default_rng([self._seed, epoch])
            self._order = self._rows.copy() if self._groups is None else self._rows[_balanced(self._groups, generator)]
            if self._groups is None:
                generator.shuffle(self._order)
            self._epoch = epoch
        return self._order


def make_sampler(
    store: CellStore,
    sampling: Sampling,
    *,
    batch_size: int,
    seed: int,
    rank: int = 0,
    ranks: int = 1,
    train_on: str | None = None,
) -> Sampler:
    """Return a sampler of a store's rows.

    Args:
        store: the cells.
        sampling: ``shuffled``: every cell once an epoch; ``balanced-treatment``, ``balanced-plate``: treatments (compound and
            concentration) or plates equally often; ``dmso``: the negative controls only, each once an epoch.
        batch_size: rows in a batch.
        seed: of the order.
        rank: this process, from 0.
        ranks: processes that train together.
        train_on: which of the cells, as :func:`cytobench.datasets.selection.select` reads it; all where None.
    """
    every = select(store, train_on)
    settings = {"batch_size": batch_size, "seed": seed, "rank": rank, "ranks": ranks}
    if sampling == "shuffled":
        return Sampler(every, None, **settings)
    if sampling == "dmso":
        numbers, names = store.groups("compound")
        if CONTROL not in names:
            raise CytoBenchError(f"{store.name} has no cells of {CONTROL} to sample from; set training.sampling to another")
        every = every[numbers[every] == names.index(CONTROL)]
        if not len(every):
            raise CytoBenchError(f"no cell of {CONTROL} in {store.name} is chosen by training.train_on={train_on!r}")
        return Sampler(every, None, **settings)
    columns = ("plate",) if sampling == "balanced-plate" else ("compound", "concentration")
    _, groups = np.unique(store.groups(*columns)[0][every], return_inverse=True)
    return Sampler(every, groups.astype(np.int32), **settings)


def _balanced(groups: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """As many draws as rows: all groups in turn, in a new order each time, each giving its rows in a new order, over and over."""
    count = int(groups.max()) + 1
    rounds = -(-len(groups) // count)
    turns = generator.permuted(np.tile(np.arange(count, dtype=np.int32), (rounds, 1)), axis=1).ravel()[: len(groups)]
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups, minlength=count))[:-1])
    draws = np.split(np.argsort(turns, kind="stable"), np.cumsum(np.bincount(turns, minlength=count))[:-1])
    order = np.empty(len(groups), np.int64)
    for places, rows in zip(draws, members, strict=True):
        order[places] = np.resize(generator.permutation(rows), len(places))
    return order
