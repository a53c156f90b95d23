"""Vectors on disk as they come: each process appends to a file of its own, and what was appended outlives a ``kill -9``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.files import replacing, reserve, sha256_text

KEY_LENGTH = 12
"""Characters of what parts were made with, in their names."""

RECORDS_AT_A_TIME = 8192
"""Read at a time, so that memory does not grow with the number of cells."""


class Parts:
    """The unfinished embeddings of a store beside the file that they will make.

    Args:
        path: that file, an ``.npy`` of (N, D) float32.
        cells: N.
        features: D.
        made_with: what decides the vectors; parts that were made with anything else are not gone on with.
    """

    def __init__(self, path: Path, cells: int, features: int, made_with: str = ""):
        self.path, self._shape = path, (cells, features)
        self._record = np.dtype([("row", "<i8"), ("vector", "<f4", (features,))])
        self._name = f"{path.stem}-{sha256_text(made_with, str(self._shape))[:KEY_LENGTH]}-part"

    def remove(self, *, others_only: bool = False) -> None:
        """Delete what was appended, or only what was made with anything else."""
        own = set(self._files())
        for file in self.path.parent.glob(f"{self.path.stem}-*-part-*.bin"):
            if not (others_only and file in own):
                file.unlink()

    def done(self) -> np.ndarray:
        """(N,) bool: which cells are embedded already."""
        done = np.zeros(self._shape[0], bool)
        for records in self._read():
            done[records["row"]] = True
        return done

    @contextmanager
    def appending(self, process: int) -> Iterator[Callable[[np.ndarray, np.ndarray], None]]:
        """Yield what appends rows and their vectors to the file of one process."""
        path = self.path.with_name(f"{self._name}-{process:03d}.bin")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.truncate(file.tell() - file.tell() % self._record.itemsize)  # a record that a kill tore

            def append(rows: np.ndarray, vectors: np.ndarray) -> None:
                records = np.empty(len(rows), self._record)
                records["row"], records["vector"] = rows, vectors
                file.write(records.tobytes())
                file.flush()

            yield append

    def join(self) -> np.ndarray:
        """Write the file, each vector in its cell's row, and delete the parts; return it memory-mapped.

        Raises:
            CytoBenchError: where a cell has no vector, as when processes do not see the same folder.
        """
        missing = len(self.done()) - int(self.done().sum())
        if missing:
            raise CytoBenchError(
                f"{self.path.parent}: {missing} of {self._shape[0]} cells are not embedded; every process must see this folder"
            )
        with replacing(self.path) as temporary:
            values = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=self._shape)
            reserve(temporary)
            for records in self._read():
                values[records["row"]] = records["vector"]
            values.flush()
        self.remove()
        joined: np.ndarray = np.load(self.path, mmap_mode="r")
        return joined

    def _files(self) -> list[Path]:
        return sorted(self.path.parent.glob(f"{self._name}-*.bin"))

    def _read(self) -> Iterator[np.ndarray]:
        for file in self._files():
            with file.open("rb") as opened:
                while len(chunk := opened.read(RECORDS_AT_A_TIME * self._record.itemsize)) >= self._record.itemsize:
                    yield np.frombuffer(chunk, self._record, len(chunk) // self._record.itemsize)
