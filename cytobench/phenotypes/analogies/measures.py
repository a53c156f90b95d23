"""From the ranks of analogies to named measures with their intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytobench.phenotypes.algebra.ranking import Ranks
from cytobench.phenotypes.analogies.families import Family
from cytobench.phenotypes.analogies.protocol import AlgebraProtocol
from cytobench.phenotypes.analogies.scoring import FamilyScores
from cytobench.results.measures import Column, Line, Measure
from cytobench.scoring.resampling import PigeonholeBootstrap, percentiles

RATES = {"mrr": "reciprocal", "top1": "top1", "top3": "top3"}
"""A measure's name and its field of :class:`Ranks`."""

SOURCES = ("result", "base", "random", "chance")
"""What is ranked; fields of :class:`FamilyScores`."""

FAMILIES = {
    "dose": ("dose", "dose analogies A@high - A@low + B@low =? B@high"),
    "moa": ("MOA", "mechanism analogies a1 - b1 + b2 =? MOA of a1"),
    "poster": ("poster", "the CytoGAN poster's three equations (doi:10.1101/227645), their mean"),
}
"""Short and long name of each block of columns."""

MEASURES = {
    "gain": (
        " gain",
        "neither",
        "mean reciprocal rank of the answer, less that of the base alone. Noise gets 0, too, so nobody is ranked by it; "
        "read it beside the MRR.",
    ),
    "mrr": (" MRR", "higher", "mean of 1 / the answer's rank."),
    "base": (" base MRR", "neither", "the same by the base alone."),
    "top1": (" top 1", "higher", "share with the answer nearest."),
    "top3": (" top 3", "higher", "share with the answer among the three nearest."),
}
"""Of each block: the end of the title, what is better, and what it measures."""

COLUMNS = tuple(
    Column.model_validate(
        {"name": f"{key}_{name}", "title": title + end, "better": better, "meaning": f"Of {meaning}: {measured}"}
    )
    for key, (title, meaning) in FAMILIES.items()
    for name, (end, better, measured) in MEASURES.items()
)


EXACT = "known exactly"
"""Why chance has no interval."""


@dataclass(frozen=True)
class Block:
    """The measures of one family or equation."""

    rates: dict[str, dict[str, Measure]]
    """By source and rate."""
    gain: Measure
    """In mean reciprocal rank, over the base, of the same analogies."""

    def line(self, key: str, of: str) -> dict[str, Measure]:
        """The measures of one source under the names of the columns of ``key``."""
        named = {f"{key}_{rate}": measure for rate, measure in self.rates[of].items()}
        return named | ({f"{key}_gain": self.gain, f"{key}_base": self.rates["base"]["mrr"]} if of == "result" else {})


class Everyone:
    """Means over analogies, with intervals over the compounds that take part: (n,) names, one array a role."""

    def __init__(self, roles: tuple[np.ndarray, ...], protocol: AlgebraProtocol):
        self._bootstrap = PigeonholeBootstrap(roles, samples=protocol.bootstrap_samples, seed=protocol.seed)
        self._protocol = protocol

    def mean(self, values: np.ndarray) -> Measure:
        """The mean of ``values`` (n,) with its interval, or the reason why there is none."""
        if not len(values):
            return Measure(value=None, reason="these cells allow no such analogy")
        parts, fewest = self._bootstrap.parts, self._protocol.fewest_compounds
        interval = self._bootstrap.interval(values, self._protocol.level) if parts >= fewest else None
        reason = f"{parts} compounds take part, fewer than the {fewest} an interval needs"
        return Measure.of(float(values.mean()), interval, len(values), reason)


def family_block(family: Family, scores: FamilyScores, protocol: AlgebraProtocol) -> Block:
    """A family's measures; intervals by resampling all compounds that take part."""
    everyone = Everyone(family.roles, protocol)

    def measure(ranks: Ranks | None, rate: str, of: str) -> Measure:
        if ranks is None:
            return Measure(value=None, reason="too few other compounds for other differences")
        found = everyone.mean(getattr(ranks, rate))
        return Measure.of(found.value, None, found.n, EXACT) if of == "chance" and found.value is not None else found

    rates = {of: {key: measure(getattr(scores, of), rate, of) for key, rate in RATES.items()} for of in SOURCES}
    return Block(rates, everyone.mean(scores.result.reciprocal - scores.base.reciprocal))


def equation_block(scores: FamilyScores | None, protocol: AlgebraProtocol, reason: str | None = None) -> Block:
    """An equation's measures over its cell groups; where it cannot be asked, the reason."""
    if scores is None:
        missing = Measure(value=None, reason=reason)
        return Block({of: dict.fromkeys(RATES, missing) for of in SOURCES}, missing)

    def measure(values: np.ndarray, key: str, of: str = "result") -> Measure:
        value, n = float(values.mean()), len(values)
        if of == "chance":
            return Measure.of(value, None, n, EXACT)
        if key in ("top1", "top3"):
            return Measure.of(value, None, n, "a share of random cell groups says itself how sure the outcome is")
        return Measure.of(value, percentiles(values, protocol.level), n)

    rates = {of: {key: measure(getattr(getattr(scores, of), rate), key, of) for key, rate in RATES.items()} for of in SOURCES}
    return Block(rates, measure(scores.result.reciprocal - scores.base.reciprocal, "gain"))


def equations_line(blocks: list[Block], of: str) -> dict[str, Measure]:
    """The mean over the equations that could be asked."""
    lines = [block.line("poster", of) for block in blocks]
    return {name: _mean([line[name] for line in lines]) for name in lines[0]}


def moa_lines(families: dict[str, Family], scores: dict[str, FamilyScores], protocol: AlgebraProtocol) -> tuple[Line, ...]:
    """One line a mechanism of action: the analogies whose answer has it."""
    lines = []
    for moa in sorted({str(moa) for family in families.values() for moa in family.moas}):
        measures: dict[str, Measure] = {}
        for key, family in families.items():
            chosen = family.moas == moa
            if chosen.any():
                everyone = Everyone(tuple(role[chosen] for role in family.roles), protocol)
                result, base = scores[key].result, scores[key].base
                measures |= {f"{key}_{rate}": everyone.mean(getattr(result, field)[chosen]) for rate, field in RATES.items()}
                measures[f"{key}_base"] = everyone.mean(base.reciprocal[chosen])
                measures[f"{key}_gain"] = everyone.mean((result.reciprocal - base.reciprocal)[chosen])
        lines.append(Line(name=moa, role="part", measures=measures))
    return tuple(lines)


def _mean(measures: list[Measure]) -> Measure:
    known = [measure for measure in measures if measure.value is not None]
    if not known:
        return measures[0]
    mean = float(np.mean([measure.value for measure in known]))
    missing = len(measures) - len(known)
    reason = f"{len(measures)} equations are too few for an interval" + (f"; {missing} could not be asked" if missing else "")
    return Measure.of(mean, None, len(known), reason)
