"""How a trained run stands against its untrained twin, on all treatments and on those that it never saw."""

from __future__ import annotations

from typing import Any

import numpy as np

from cytobench.benchmark import ProfileBenchmark
from cytobench.datasets.profiles import treatment_name
from cytobench.datasets.selection import select
from cytobench.datasets.store import CellStore
from cytobench.plan import Plan
from cytobench.results.record import Unseen
from cytobench.results.runs import Run


def against_twin(plan: Plan, outcome: Run, twin: Run) -> dict[str, Any]:
    """Return the fields of a run's record that say so; a benchmark of models has no treatments to pair, only both rows."""
    folder, benchmark = twin.record.folder.as_posix(), plan.benchmark
    if not isinstance(benchmark, ProfileBenchmark):
        return {"twin_folder": folder}
    compared = benchmark.compare(outcome.scores, twin.scores)
    return {"twin": compared, "twin_folder": folder, "unseen": _unseen(plan, benchmark, outcome, twin)}


def _unseen(plan: Plan, benchmark: ProfileBenchmark, outcome: Run, twin: Run) -> Unseen | None:
    """What is scored on treatments of which no cell was trained on; None where all cells, or a checkpoint, were begun with."""
    training = plan.recipe.training
    if plan.origin is not None or training is None or training.train_on is None or not isinstance(plan.data, CellStore):
        return None
    rows = select(plan.data, training.train_on)
    (compounds, names), (levels, concentrations) = plan.data.groups("compound"), plan.data.groups("concentration")
    pairs = np.unique(np.stack([compounds[rows], levels[rows]]), axis=1).T.tolist()
    seen = {treatment_name(names[compound], float(concentrations[level])) for compound, level in pairs}
    scores = benchmark.without(outcome.scores, seen)
    nsc = benchmark.accuracy(scores)
    return None if nsc is None else Unseen(nsc=nsc, twin=benchmark.compare(scores, twin.scores))
