"""The report's folder: whole or not there, and never in the place of anything but an older report."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cytobench import registry
from cytobench.datasets.report.pictures import KINDS
from cytobench.errors import CytoBenchError

INDEX = "index.html"

MARK = '<meta name="generator" content="cytobench data report">'
"""The line by which a page is known to be a report."""

OWN_FILE = re.compile(rf"index\.html|({'|'.join(KINDS)})-\d{{4}}-[A-Za-z0-9-]*\.png")


def default_folder(dataset: str) -> Path:
    """Return where the report of a data set is written: in its store, or here where it is known by a registered name."""
    return Path(f"report-{dataset}") if dataset in registry.datasets() else Path(dataset) / "report"


@contextmanager
def replacing_report(out: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``out`` on success and is removed on failure.

    Raises:
        CytoBenchError: where ``out`` is there and is no report, or nothing can be written beside it.
    """
    refuse_other(out)
    prefix = f".{out.name.replace('-', '_')}."  # what a store that is extended takes for its own leftovers is named .*-*
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=prefix, dir=out.parent))
    except OSError as error:
        raise CytoBenchError(f"{out.parent}: cannot be written to ({error.strerror}); choose another folder with --out") from None
    try:
        (beside / "new").mkdir()
        yield beside / "new"
        refuse_other(out)
        _exchange(out, beside)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def refuse_other(out: Path) -> None:
    """Refuse a path where something lies that is no report, or a report with files of somebody else."""
    if out.is_dir():
        other = sorted(file.name for file in out.iterdir() if not OWN_FILE.fullmatch(file.name))
        if other:
            raise CytoBenchError(f"{out}: holds {other[0]!r}, which is no part of a report; choose another folder with --out")
        if any(out.iterdir()) and not _is_report(out / INDEX):
            raise CytoBenchError(f"{out}: is there and is no report; choose another folder with --out")
    elif out.exists():
        raise CytoBenchError(f"{out}: is a file; choose a folder with --out")


def _is_report(index: Path) -> bool:
    return index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")[:1000]


def _exchange(out: Path, beside: Path) -> None:
    if out.exists():
        os.rename(out, beside / "old")
    try:
        os.rename(beside / "new", out)
    except OSError:
        if (beside / "old").exists():
            os.rename(beside / "old", out)
        raise
