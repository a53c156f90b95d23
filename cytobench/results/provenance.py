"""What made a result: versions, commit, machine, time and memory."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from cytobench.schema import Record
from cytobench.versions import installed_version

PACKAGES = ("cytobench", "numpy", "scipy", "pandas", "scikit-learn", "scikit-image", "torch", "timm", "cp_measure")
"""Whose versions are recorded."""

SAMPLE_SECONDS = 0.05
"""Between readings of the memory in use."""


class Provenance(Record):
    """Where and with what a run was made."""

    versions: dict[str, str]
    commit: str | None
    """The git commit of the CytoBench checkout, with ``+`` where it had changes; None for an installed package."""
    platform: str
    processor: str
    cores: int
    memory_bytes: int
    accelerator: str | None


class Stage(Record):
    """The cost of one finished stage of a run."""

    seconds: float
    peak_memory_bytes: int
    """Of the whole process (resident set) while the stage ran."""
    peak_accelerator_memory_bytes: int | None
    """Allocated by torch on its CUDA device; None without one."""
    device: str
    outputs: dict[str, str]
    """sha256 of each file that it wrote."""
    provenance: Provenance


def provenance() -> Provenance:
    """Describe this machine and these packages."""
    versions = {name: installed_version(name) for name in PACKAGES}
    return Provenance(
        versions={"python": platform.python_version(), **{name: version for name, version in versions.items() if version}},
        commit=_commit(),
        platform=platform.platform(terse=True),
        processor=_processor(),
        cores=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        accelerator=_accelerator(),
    )


class Meter:
    """Measure wall seconds and the peak memory of this process inside a ``with`` block."""

    seconds = 0.0
    peak_memory_bytes = 0
    peak_accelerator_memory_bytes: int | None = None

    def __enter__(self) -> Meter:
        self._process, self._stop = psutil.Process(), threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._cuda = _cuda()
        if self._cuda is not None:
            self._cuda.reset_peak_memory_stats()
        self._began = time.monotonic()
        self._sampler.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.seconds = round(time.monotonic() - self._began, 3)
        self._stop.set()
        self._sampler.join()
        if self._cuda is not None:
            self.peak_accelerator_memory_bytes = int(self._cuda.max_memory_allocated())

    def _sample(self) -> None:
        while True:
            self.peak_memory_bytes = max(self.peak_memory_bytes, self._process.memory_info().rss)
            if self._stop.wait(SAMPLE_SECONDS):
                return


def _commit() -> str | None:
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None
    try:
        commit = _git(checkout, "rev-parse", "HEAD")
        return commit + ("+" if _git(checkout, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(checkout: Path, *arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _accelerator() -> str | None:
    cuda = _cuda()
    return None if cuda is None else str(cuda.get_device_name())


def _cuda() -> Any:
    """``torch.cuda`` where a device is there and torch is in use; results themselves never import torch."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
