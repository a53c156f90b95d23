"""What decides the numbers of a map: the benchmark's declaration of it, and the suite's source."""

from __future__ import annotations

from pathlib import Path

from cytobench.benchmark import MOABenchmark
from cytobench.errors import CytoBenchError
from cytobench.files import sha256_text
from cytobench.results.keys import source_of_modules
from cytobench.sensitivity.declaration import Declaration, read_declaration

DECLARATION = "sensitivity.yaml"
"""The file, in a benchmark's folder, that declares the axes."""

MEASURING = (
    "cytobench.profiling.aggregate",
    "cytobench.profiling.covariance",
    "cytobench.profiling.explorations",
    "cytobench.profiling.postprocess",
    "cytobench.profiling.robust",
    "cytobench.profiling.selection",
    "cytobench.profiling.streaming",
    "cytobench.scoring.moa",
    "cytobench.scoring.outcome",
    "cytobench.scoring.protocol",
    "cytobench.scoring.retrieval",
    "cytobench.scoring.screen",
    "cytobench.scoring.uncertainty",
    "cytobench.sensitivity.cells",
    "cytobench.sensitivity.declaration",
    "cytobench.sensitivity.extents",
    "cytobench.sensitivity.measure",
    "cytobench.sensitivity.scoring",
    "cytobench.sensitivity.wells",
    "cytobench.sensitivity.whitening",
)
"""Modules of the suite that decide what a map says."""


def declaration_of(benchmark: object) -> Declaration:
    """The axes of a benchmark."""
    return read_declaration(_declared(benchmark))


def measured_by(benchmark: object) -> str:
    """The sha256 of a benchmark's declaration and of the source that measures it here."""
    return sha256_text(_declared(benchmark).read_text(encoding="utf-8"), source_of_modules(MEASURING))


def _declared(benchmark: object) -> Path:
    path = benchmark.folder / DECLARATION if isinstance(benchmark, MOABenchmark) else None
    if path is None or not path.is_file():
        raise CytoBenchError(f"the benchmark {getattr(benchmark, 'identity', benchmark)} has no {DECLARATION}; it has no map")
    return path
