"""What a benchmark of models is: one that is put to a model itself, and not to profiles of wells."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from cytobench.benchmark import Benchmark
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.phenotypes.model import Model
from cytobench.results.measures import Measures
from cytobench.schema import Record, read_yaml, validate


class ModelProtocol(Record):
    """What every protocol of a benchmark of models says; the file itself explains each value."""

    name: str
    version: int
    title: str
    citation: tuple[str, ...]


class ModelBenchmark(Benchmark):
    """A benchmark of models, as ``protocol.yaml`` in ``folder`` pins it.

    Args:
        variant: where it has variants, which; None for its own choice.
    """

    folder: ClassVar[Path]
    record: ClassVar[type[ModelProtocol]]
    """What the protocol is read into."""

    def __init__(self, variant: str | None = None) -> None:
        path = self.folder / "protocol.yaml"
        self.protocol: Any = validate(self.record, read_yaml(path), str(path))
        self.name, self.version = self.protocol.name, self.protocol.version
        if variant is not None:
            self.take(variant)

    def take(self, variant: str) -> None:
        """Become a variant; a benchmark has none unless it says so."""
        raise CytoBenchError(f"{self.name} has no variants; leave out {variant!r}")

    def check(self, store: CellStore, channels: tuple[str, ...], size: int) -> None:
        """Refuse, before anything is trained, cells that it could not measure a model with."""

    @abstractmethod
    def measure(self, model: Model, figures: Path, *, progress: bool = False) -> Measures:
        """Measure a model.

        Args:
            model: ready, on its device.
            figures: the folder for pictures (``.png``); made where it is not there.
            progress: show progress bars on stderr.
        """
