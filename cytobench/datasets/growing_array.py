"""A ``.npy`` file that grows along its first axis while it is written, so that nobody has to hold the array."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np


class GrowingArray:
    """Write an array piece by piece; the file is what ``numpy.save`` would have written of the whole.

    Args:
        path: the file to write; what was there is lost.
        shape: of one item, all axes but the first.
        dtype: of the items.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype | str):
        self.path, self._shape, self._dtype = path, shape, np.dtype(dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __enter__(self) -> GrowingArray:
        self._file = self.path.open("wb")
        self._write_header()
        self._start = self._file.tell()
        return self

    def append(self, items: np.ndarray) -> None:
        """Write (n, ...) items of the declared shape and type."""
        if items.shape[1:] != self._shape or items.dtype != self._dtype:
            raise ValueError(f"{self.path} takes {self._dtype} {self._shape}, not {items.dtype} {items.shape[1:]}")
        self._file.write(np.ascontiguousarray(items).data)  # and not tofile, which hides why it failed
        self._length += len(items)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._file:
            if error is None:
                self._file.seek(0)
                self._write_header()
                assert self._file.tell() == self._start  # the header is padded for its first axis to grow in place

    def _write_header(self) -> None:
        description = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False}
        np.lib.format.write_array_header_1_0(self._file, {**description, "shape": (self._length, *self._shape)})
