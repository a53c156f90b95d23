"""What a reader of a realism score must know beside its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from cytobench.phenotypes.model import Model
from cytobench.phenotypes.realism.sets import CellSet, RealCells
from cytobench.results.measures import Line, Measure

FEW = 0.01
"""Share of set A: a precision of ten times this, of fewer of its cells reached than this, is the work of outliers among them
(Naeem et al. 2020, section 3.1)."""


def warnings_of(model: Model, real: RealCells, generated: CellSet, result: Line, references: tuple[Line, ...]) -> tuple[str, ...]:
    """Return a sentence for each thing that changes what the numbers mean."""
    floor, ceiling = references
    return (*_about_features(model, real, generated), *_about_model(model, result, floor, ceiling))


def _about_features(model: Model, real: RealCells, generated: CellSet) -> Iterator[str]:
    features = real.a.features.shape[1]
    if features >= real.n:
        yield (
            f"{real.n:,} cells are no more than the {features:,} features, so that bias rules FID: compare it with the floor's"
        )
    if real.scale.dropped:
        yield f"{real.scale.dropped:,} features that are not finite in all {model.kind} cells, or do not vary, were left out"
    if generated.imputed:
        yield f"{generated.imputed:,} values of generated cells were not finite and stand at the {model.kind} cells' mean"
    if generated.without_nucleus or real.without_nucleus:
        yield (
            f"no nucleus was found in {generated.without_nucleus:,} of {real.n:,} generated cells and in "
            f"{real.without_nucleus:,} of as many {model.kind} ones: discs stand for them"
        )


def _about_model(model: Model, result: Line, floor: Line, ceiling: Line) -> Iterator[str]:
    training = model.recipe.training
    if training is not None and training.train_on is not None:
        yield f"the model was trained on {training.train_on} alone, and is compared with all cells of {model.store.name}"
    if _above(result.measures["kid"], ceiling.measures["kid"]):
        yield f"by KID it is farther from {model.kind} cells than noise with their intensities"
    precision, coverage = result.measures["precision"].value or 0.0, result.measures["coverage"].value or 0.0
    if coverage < FEW and precision > 10 * FEW:
        reached = round(coverage * result.measures["coverage"].n)
        yield f"its precision rests on the wide reach of {reached:,} {model.kind} cells at most: read density and coverage"
    if _above(result.measures["copied"], floor.measures["copied"]):
        yield "it repeats training cells: see memorisation.png"
    if _above(floor.measures["authenticity"], result.measures["authenticity"]):
        yield f"its cells lie nearer to {model.kind} cells than others of these do (authenticity): it may repeat training cells"


def _above(one: Measure, other: Measure) -> bool:
    """Whether the whole interval of one lies above that of the other."""
    return one.low is not None and other.high is not None and one.low > other.high
