"""What ``cytobench turing score`` says on a terminal."""

from __future__ import annotations

from textwrap import fill

from tabulate import tabulate

from cytobench.phenotypes.turing.score import FEW, OF_THESE, Rate, Rates, TuringScore

WIDTH = 110
"""Columns of text."""

HOLDS = {True: "holds", False: "does not hold"}


def score_text(scored: TuringScore) -> str:
    """Put the jurors' rates in a table, and say below what they allow to say."""
    rows = [[*_row(one), f"{one.p_published:.2g}"] for one in scored.jurors]
    rows += [[*_row(one), ""] for one in (scored.pooled, scored.these) if one is not None and len(scored.jurors) > 1]
    published = f"{scored.published:.0%}"
    head = ["juror", "right", "fooled", f"{scored.kind} taken for generated", "s a cell", f"p, fooled {published}"]
    notes = (
        f"In percent, with 95% intervals. fooled: generated cells taken for {scored.kind}. p: exact binomial test of a juror's "
        f"fooled rate against {published}, which three expert biologists reached on average with 50 real and 50 LSGAN cells "
        "(Goldsborough et al. 2017, doi:10.1101/227645), taken as a fixed number.",
        *_said(scored),
        *(f"note: {note}." for note in scored.notes),
    )
    table = tabulate(rows, head, disable_numparse=True)
    return "\n".join([f"{scored.title}, test {scored.test}\n", table, "", *(fill(note, WIDTH) for note in notes)])


def _said(scored: TuringScore) -> list[str]:
    """What the intervals hold, of jurors in general or, where there are too few, of these alone."""
    jurors = len(scored.jurors)
    few = jurors < FEW
    judged = scored.these if few and scored.these else scored.pooled
    whose = "of this juror" if jurors == 1 else f"of these {jurors} jurors only" if few else f"of {scored.pooled.juror} jurors"
    held = (_holds(judged.fooled, scored.published), _holds(judged.accuracy, scored.chance))
    too_few = f"{jurors} juror{'s say' if jurors > 1 else ' says'} nothing of jurors in general; that takes {FEW} or more."
    return [
        *([too_few] if few else []),
        f"The interval of the fooled rate {whose} {held[0]} {scored.published:.0%}; that of the right answers {held[1]} "
        f"{scored.chance:.0%}, which is what guessing gives.",
        *([f"Intervals of {scored.these.juror}: {OF_THESE}."] if scored.these else []),
        f"Intervals of {scored.pooled.juror if jurors > 1 else scored.jurors[0].juror}: {scored.interval}.",
    ]


def _holds(rate: Rate, value: float) -> str:
    return HOLDS[rate.low <= value <= rate.high]


def _row(rates: Rates) -> list[str]:
    return [rates.juror, *map(_share, (rates.accuracy, rates.fooled, rates.doubted)), f"{rates.seconds:.1f}"]


def _share(rate: Rate) -> str:
    return f"{100 * rate.value:.0f} [{100 * rate.low:.0f}, {100 * rate.high:.0f}]"
