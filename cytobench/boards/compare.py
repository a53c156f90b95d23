"""Two entries side by side, over the same treatments."""

from __future__ import annotations

from cytobench import registry
from cytobench.boards.entries import BoardEntry, Entry
from cytobench.datasets.profiles import treatment_name
from cytobench.errors import CytoBenchError
from cytobench.results.record import KEY_LENGTH
from cytobench.results.schema import Difference, Estimate
from cytobench.results.tables import difference_text, estimate_text
from cytobench.schema import Record


class Comparison(Record):
    """A paired comparison of headline NSC."""

    first: str
    second: str
    benchmark: str
    first_nsc: Estimate
    second_nsc: Estimate
    difference: Difference
    won: tuple[str, ...]
    """Treatments that only the first gets right."""
    lost: tuple[str, ...]
    """Treatments that only the second gets right."""
    notes: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.first}: {estimate_text(self.first_nsc, n=True)}",
            f"{self.second}: {estimate_text(self.second_nsc, n=True)}",
            f"difference in NSC over {self.difference.n} treatments: {difference_text(self.difference)}",
            f"only {self.first} is right on {len(self.won)}: {', '.join(self.won) or '-'}",
            f"only {self.second} is right on {len(self.lost)}: {', '.join(self.lost) or '-'}",
            *(f"note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)


def compare(first: Entry, second: Entry) -> Comparison:
    """Compare two entries of one benchmark of profiles; real and simulated data are never compared."""
    if not (isinstance(first, BoardEntry) and isinstance(second, BoardEntry)):
        model = next(entry.run for entry in (first, second) if not isinstance(entry, BoardEntry))
        raise CytoBenchError(
            f"{model.label}, {model.benchmark}: has no treatments to compare by; its board shows the intervals side by side"
        )
    if first.scores.benchmark != second.scores.benchmark:
        raise CytoBenchError(
            f"{first.scores.benchmark} and {second.scores.benchmark} are different protocols; score both under one"
        )
    if first.run.simulated != second.run.simulated:
        raise CytoBenchError("one run is of simulated data and the other of real data; they cannot be compared")
    difference = registry.benchmark(first.scores.benchmark).compare(first.scores, second.scores)
    mine, theirs = first.scores.entry().nsc, second.scores.entry().nsc
    if difference is None or mine is None or theirs is None:
        raise CytoBenchError("the two runs share no treatment with a headline score; see 'not available' in their panels")
    notes = []
    if first.run.dataset_identity != second.run.dataset_identity:
        notes.append(f"different data: {first.run.dataset} and {second.run.dataset}")
    names = _names(first, second)
    return Comparison(
        first=names[0],
        second=names[1],
        benchmark=first.scores.benchmark,
        first_nsc=mine,
        second_nsc=theirs,
        difference=difference,
        won=_only_right(first, second),
        lost=_only_right(second, first),
        notes=tuple(notes),
    )


def _names(*entries: BoardEntry) -> list[str]:
    """What tells them apart: their recipes where all else is equal, their keys where recipes are."""
    names = [f"{entry.run.label} on {entry.run.dataset}, seed {entry.run.seed}" for entry in entries]
    for more in ([entry.run.recipe_label for entry in entries], [entry.run.keys.score[:KEY_LENGTH] for entry in entries]):
        if len(set(names)) < len(names):
            names = [f"{name}, {told}" for name, told in zip(names, more, strict=True)]
    return names


def _only_right(entry: BoardEntry, other: BoardEntry) -> tuple[str, ...]:
    wrong = {(p.compound, p.concentration) for p in other.scores.predictions if p.correct < 0.5}
    right = [p for p in entry.scores.predictions if p.correct >= 0.5 and (p.compound, p.concentration) in wrong]
    return tuple(treatment_name(p.compound, p.concentration) for p in right)
