"""Memory that one step or batch frees is kept for the next: giving it back and asking again costs a sixth of it on a CPU."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
"""Parameters of glibc's ``mallopt``."""

AFTERWARDS = {TRIM_THRESHOLD: 2**26, MMAP_THRESHOLD: 2**25, MMAP_MAX: 65536}
"""What glibc itself comes to once large arrays were freed; set by hand, they no longer move (mallopt(3))."""


@contextmanager
def keeping_freed_memory() -> Iterator[None]:
    """Let the C library keep what is freed, where it is glibc; what is left is given back at the end. No result depends on it."""
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    library = ctypes.CDLL(None)
    library.mallopt(TRIM_THRESHOLD, 2**31 - 1)
    library.mallopt(MMAP_MAX, 0)
    try:
        yield
    finally:
        for parameter, value in AFTERWARDS.items():
            library.mallopt(parameter, value)
        library.malloc_trim(0)
