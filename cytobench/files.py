"""Files that are whole or not there: atomic writes, checksums and locks."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cytobench.errors import CytoBenchError

OTHER_FILES = 512
"""Open files that a process may have beside the mapped ones."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it takes the place of ``path``, on failure it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~UMASK)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def creating_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``, renamed to ``path`` on success and removed on failure."""
    if path.exists():
        raise CytoBenchError(f"{path}: already exists; choose another place or remove it first")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~UMASK)
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def allow_open_files(count: int) -> None:
    """Raise this process's limit of open files for ``count`` more, as far as the system lets it: each mapped file is one."""
    try:
        import resource
    except ImportError:  # a system without such limits
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def reserve(path: Path) -> None:
    """Make a full disk an error here, where the system can, and not the end of the process when a mapped page is written."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def slug(*words: str | None) -> str:
    """Return a file name without its ending: ``slug("generate", "lsgan (untrained)")`` is ``generate-lsgan-untrained``."""
    return "-".join(part for word in words if word and (part := re.sub(r"[^\w.]+", "-", word).strip("-.")))


def unique(names: Sequence[str]) -> list[str]:
    """Number what would be used twice: ``a``, ``a``, ``a-2`` become ``a``, ``a-2``, ``a-2-2``."""
    given: list[str] = []
    for name in names:
        candidates = (name, *(f"{name}-{number}" for number in range(2, len(names) + 2)))
        given.append(next(one for one in candidates if one not in given))
    return given


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(*parts: str) -> str:
    """Return the hexadecimal SHA-256 of several texts, kept apart by a zero byte."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@contextmanager
def locked(path: Path, what: str, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock file ``path`` while writing ``what``; wait at most ``wait`` seconds for another process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=wait):
            yield
    except Timeout:
        raise CytoBenchError(f"{what} is being written by another process; wait for it to end, then try again") from None


def _umask() -> int:
    """This process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


UMASK = _umask()
"""Read once: to set it, were it for a moment, is to set it for every thread."""
