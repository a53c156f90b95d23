"""What jurors of a visual Turing test answered, pooled and set beside what experts did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.stats import beta, binomtest, t

from cytobench.phenotypes.turing.answers import Judgements
from cytobench.phenotypes.turing.turing import CHANCE, PUBLISHED, TuringKey
from cytobench.schema import Record

LEVEL = 0.95
"""Coverage of the intervals."""

FEW = 5
"""Below so many jurors nothing is said of jurors in general; a round figure chosen here."""

HASTY = 0.3
"""Seconds a cell, in the median, below which nobody has looked; a round figure chosen here."""

OF_ONE = "Clopper-Pearson over the cells: it says nothing of other jurors"
OF_THESE = "Clopper-Pearson over all answers as if independent: these jurors only"
OF_SEVERAL = (
    "Clopper-Pearson with jurors as clusters: the effective number of answers is theirs over the design effect (at least 1), "
    "times the squared ratio of Student's t with as many degrees of freedom as answers - 1 and as jurors - 1 "
    "(Korn and Graubard 1998, Confidence intervals for proportions with small expected number of positive counts estimated from "
    "survey data, Survey Methodology 24:193-201); that all judged the same cells is not in it"
)
"""How the intervals are made."""


class Rate(Record):
    """A share of answers with its 95% interval."""

    value: float
    low: float
    high: float
    count: int
    of: int


class Rates(Record):
    """What one juror, or all of them, did."""

    juror: str
    accuracy: Rate
    """Share of right answers; 0.5 by chance."""
    fooled: Rate
    """Share of generated cells taken for real."""
    doubted: Rate
    """Share of real cells taken for generated."""
    seconds: float
    """Median time taken for a cell."""


class JurorRates(Rates):
    """What one juror did."""

    p_published: float
    """Exact two-sided binomial test of the fooled rate against the published one, which is taken as a fixed number."""


class TuringScore(Record):
    """The jurors' answers to one test."""

    schema_version: Literal[1] = 1
    test: str
    title: str
    kind: Literal["real", "simulated"]
    """What the cells that no model made are called."""
    jurors: tuple[JurorRates, ...]
    pooled: Rates
    interval: str
    """How the pooled intervals were made."""
    these: Rates | None
    """The same shares of all answers with intervals (``OF_THESE``) that say nothing of other jurors; None for one juror."""
    notes: tuple[str, ...]
    """Jurors whose answers look careless. They count all the same."""
    published: float = PUBLISHED
    holds_published: bool
    """Whether the interval of the pooled fooled rate holds the published one."""
    chance: float = CHANCE
    holds_chance: bool
    """Whether the interval of the pooled accuracy holds chance: then no difference between the two kinds of cells was shown."""


def score(judgements: Sequence[Judgements], key: TuringKey) -> TuringScore:
    """Score the answers of one or several jurors to one test.

    Args:
        judgements: one entry a juror, as :func:`read_judgements` checks them.
        key: the test's.
    """
    said = np.array([[answer.generated for answer in one.answers] for one in judgements])
    seconds = np.array([[answer.seconds for answer in one.answers] for one in judgements])
    jurors = []
    for number, one in enumerate(judgements):
        rates = _rates(one.juror.strip() or f"juror {number + 1}", said[[number]], seconds[number], key.truth)
        p = binomtest(int(rates.fooled.count), rates.fooled.of, PUBLISHED).pvalue
        jurors.append(JurorRates(**rates.model_dump(), p_published=float(p)))
    pooled = _rates(f"all {len(jurors)}", said, seconds, key.truth)
    return TuringScore(
        test=key.id,
        title=key.title,
        kind=key.kind,
        jurors=tuple(jurors),
        pooled=pooled,
        these=None if len(jurors) == 1 else _as_one(said, seconds, key.truth),
        notes=tuple(note for rates, own in zip(jurors, said, strict=True) for note in _careless(rates, own, key.kind)),
        interval=OF_ONE if len(jurors) == 1 else OF_SEVERAL,
        holds_published=pooled.fooled.low <= PUBLISHED <= pooled.fooled.high,
        holds_chance=pooled.accuracy.low <= CHANCE <= pooled.accuracy.high,
    )


def _as_one(said: np.ndarray, seconds: np.ndarray, truth: np.ndarray) -> Rates:
    """All answers as if they were one juror's."""
    return _rates(f"these {len(said)} only", said.reshape(1, -1), seconds, np.tile(truth, len(said)))


def _careless(rates: Rates, said: np.ndarray, kind: str) -> list[str]:
    """What suggests that a juror did not look at the cells."""
    same = f"{rates.juror} took every cell for {'a generated' if said[0] else 'a ' + kind} one"
    hasty = f"{rates.juror} took {rates.seconds:.2g} s a cell in the median, under {HASTY:g}"
    return [*([same] if len(set(said.tolist())) == 1 else []), *([hasty] if rates.seconds < HASTY else [])]


def _rates(juror: str, said: np.ndarray, seconds: np.ndarray, truth: np.ndarray) -> Rates:
    return Rates(
        juror=juror,
        accuracy=rate(said == truth),
        fooled=rate(~said[:, truth]),
        doubted=rate(said[:, ~truth]),
        seconds=float(np.median(seconds)),
    )


def rate(outcomes: np.ndarray) -> Rate:
    """Return the share of true outcomes (jurors, cells) with its interval, the jurors as clusters."""
    share, count = float(outcomes.mean()), outcomes.size
    low, high = clopper_pearson(share, effective_number(outcomes))
    return Rate(value=share, low=low, high=high, count=int(outcomes.sum()), of=count)


def effective_number(outcomes: np.ndarray) -> float:
    """How many independent answers (jurors, cells) are worth, for a statement about jurors (see ``OF_SEVERAL``)."""
    jurors, count, share = len(outcomes), outcomes.size, outcomes.mean()
    if jurors == 1:
        return float(count)
    independent = share * (1 - share) / count
    design = outcomes.mean(axis=1).var(ddof=1) / jurors / independent if independent else 1.0
    tail = (1 + LEVEL) / 2
    return float(count / max(design, 1.0) * min((t.ppf(tail, count - 1) / t.ppf(tail, jurors - 1)) ** 2, 1.0))


def clopper_pearson(share: float, n: float) -> tuple[float, float]:
    """Return the exact interval of a share of ``n`` answers (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404)."""
    tail, hits = (1 - LEVEL) / 2, share * n
    low = float(beta.ppf(tail, hits, n - hits + 1)) if share > 0 else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if share < 1 else 1.0
    return low, high
