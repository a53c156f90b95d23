"""What a run would do: its stages, which are done already, and how long the others took elsewhere."""

from __future__ import annotations

from pathlib import Path

from cytobench.plan import Plan
from cytobench.results.runs import Run, find_runs
from cytobench.schema import Record


class StageOutline(Record):
    """One stage of a run that has not begun."""

    name: str
    cached: bool
    seconds: float | None
    """What it took in the latest run of this method and recipe, embedding and scores on these data; None where there is none."""


class Outline(Record):
    """What ``cytobench run --dry-run`` shows."""

    method: str
    dataset: str
    benchmark: str
    recipe: str
    seed: int
    device: str
    run: str
    stages: tuple[StageOutline, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.method} on {self.dataset}, recipe {self.recipe}, seed {self.seed}, {self.benchmark}, {self.device}",
            f"run: {self.run}",
        ]
        for stage in self.stages:
            cost = "done" if stage.cached else "time unknown" if stage.seconds is None else f"about {stage.seconds:.0f} s"
            lines.append(f"  {stage.name}: {cost}")
        return "\n".join(lines)


def outline(plan: Plan, runs: Path) -> Outline:
    """Describe the run that ``plan`` would make below ``runs``."""
    planned = Run.at(runs, plan.record())
    done = planned.reusable_stages()
    alike = [
        run.record
        for run in find_runs(runs)[0]
        if (run.record.label, run.record.recipe) == (plan.entry.card.name, planned.record.recipe)
    ]
    seconds = {
        name: stage.seconds
        for record in alike
        for name, stage in record.stages.items()
        if name == "train" or record.dataset_identity == planned.record.dataset_identity  # which has its number of cells
    }
    return Outline(
        method=planned.record.label,
        dataset=planned.record.dataset,
        benchmark=planned.record.benchmark,
        recipe=planned.record.recipe_label,
        seed=plan.seed,
        device=str(plan.device),
        run=str(planned.path),
        stages=tuple(
            StageOutline(name=name, cached=name in done, seconds=seconds.get(name)) for name in planned.record.stage_names
        ),
    )
