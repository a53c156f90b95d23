"""Put a benchmark of models to a plan's model."""

from __future__ import annotations

from pathlib import Path

from cytobench.datasets.store import CellStore
from cytobench.files import write_text
from cytobench.phenotypes.benchmark import ModelBenchmark
from cytobench.phenotypes.model import Model
from cytobench.plan import Plan
from cytobench.representing import ready
from cytobench.schema import dump_json

MEASURED = ("scores.json",)
"""What this stage writes into a run's folder."""

FIGURES = "figures/measures"
PICTURES = f"{FIGURES}/*.png"
"""Where the benchmark's pictures go, and how they are called."""


def measure(plan: Plan, benchmark: ModelBenchmark, folder: Path, progress: bool) -> None:
    """Leave ``MEASURED`` and the benchmark's pictures in a run's folder.

    Args:
        plan: trained, where there is something to train.
        benchmark: the plan's.
        folder: the run's.
        progress: show progress bars on stderr.
    """
    assert isinstance(plan.data, CellStore)  # make_plan has checked it
    record = plan.record()
    method, elsewhere = ready(plan, folder), plan.origin is not None
    model = Model(record.label, record.model_title, method, plan.recipe, plan.data, plan.seed, elsewhere)
    measures = benchmark.measure(model, folder / FIGURES, progress=progress)
    write_text(folder / MEASURED[0], dump_json(measures))
