"""What the measurement of channels says: its columns, its lines, and what a reader must know."""

from __future__ import annotations

from collections.abc import Sequence

from cytobench.phenotypes.channels.cells import ScoredCells
from cytobench.phenotypes.channels.scores import ChannelScores, VersionMeasures
from cytobench.phenotypes.channels.versions import Version
from cytobench.phenotypes.pictures import spoken
from cytobench.results.measures import Column, Line, Measure

HEADLINE = "lost"

DEALT = "whole cells dealt anew"

APART = 1e-6
"""An interaction below this is rounding: float32 vectors resolve 1e-7."""

FIRST_COLUMNS = (
    Column(
        name="nsc",
        title="NSC",
        better="higher",
        meaning="Headline NSC of bbbc021-moa over the embedded cells; of a version of the cells, over that version.",
    ),
    Column(
        name=HEADLINE,
        title="NSC lost, channels disagree",
        better="neither",
        meaning="NSC of the cells as they are less that of the cells with one channel swapped with another cell of their well, "
        "mean over channels: what the score owes to the agreement of a cell's channels. Of one version, what that version loses. "
        "Paired by treatment, compounds resampled; one swap is drawn, and what another draw would change is not in the interval.",
    ),
    Column(
        name="moved",
        title="moved, channels disagree",
        better="neither",
        meaning="Mean cosine distance of a cell's vector to that of the cell with one channel swapped, mean over channels, as a "
        "part of the mean distance of two cells; of one version, to that version. Features are standardised; no labels.",
    ),
    Column(
        name="interaction",
        title="interaction of channels",
        better="neither",
        meaning="What exchanging all channels of a cell at once does to its vector beyond the sum of what exchanging each does: "
        "0 where a vector is a sum or a list of what each channel gives, 1 where it is drawn anew for every picture. No labels.",
    ),
)


def columns_of(versions: Sequence[Version]) -> tuple[Column, ...]:
    """The columns: NSC, what agreement gives, and by stain what the vectors and the score draw from it."""
    return (
        *FIRST_COLUMNS,
        *[_moved_column(version.stain) for version in versions if version.kind == "swapped"],
        *[_without_column(version.stain) for version in versions if version.kind == "blanked"],
    )


def result_line(name: str, versions: Sequence[Version], scores: ChannelScores) -> Line:
    """The method's own line."""
    swapped = [version for version in versions if version.kind == "swapped"]
    mean = scores.swapped(swapped)
    measures = {"nsc": scores.nsc, "lost": mean.lost, "moved": mean.moved, "interaction": scores.interaction()}
    measures |= {f"moved_{version.stain}": scores.of(version).moved for version in swapped}
    measures |= {f"without_{v.stain}": scores.of(v).lost for v in versions if v.kind == "blanked"}
    return Line(name=name, role="method", measures=measures)


def version_lines(versions: Sequence[Version], scores: ChannelScores) -> tuple[Line, ...]:
    """One line a version, and the control."""
    parts = [Line(name=version.name, role="part", measures=_measures(scores.of(version))) for version in versions]
    return (*parts, Line(name=DEALT, role="control", measures=_measures(scores.dealt())))


def warnings_of(result: Line, parts: Sequence[Line], cells: ScoredCells) -> tuple[str, ...]:
    """What a reader must know before drawing a conclusion."""
    said = []
    alone = int((~cells.swapped).sum())
    if alone:
        said.append(f"{alone} of {len(cells.rows)} cells are alone in their well and keep their own channels when one is swapped")
    interaction = result.measures["interaction"].value
    if interaction is not None and interaction < APART:
        said.append(f"{result.name} adds up what each channel gives, so nothing it says can come from the agreement of channels")
    elif _holds_nothing(result.measures["lost"]):
        said.append("the interval of the NSC lost by swapping holds 0: nothing can be concluded on agreement at this size")
    blanked = [measure for name, measure in result.measures.items() if name.startswith("without_")]
    if all(map(_holds_nothing, blanked)):
        said.append("the intervals of the NSC lost without a channel all hold 0: nothing can be concluded on them at this size")
    reasons = {part.measures["nsc"].reason: part.name for part in reversed(parts) if part.measures["nsc"].value is None}
    return (*said, *[f"{name} is not available: {reason}" for reason, name in reasons.items()])


def _measures(measures: VersionMeasures) -> dict[str, Measure]:
    return {"nsc": measures.nsc, "lost": measures.lost, "moved": measures.moved}


def _holds_nothing(difference: Measure) -> bool:
    return difference.low is None or difference.high is None or difference.low <= 0 <= difference.high


def _moved_column(stain: str) -> Column:
    return Column(
        name=f"moved_{stain}",
        title=f"moved by {spoken(stain)}",
        better="neither",
        meaning=f"Mean cosine distance between a cell's vector and that of the cell with another's {spoken(stain)} of the same "
        "well, as a part of the mean distance of two cells: the share of the vector that is drawn from that channel. No labels.",
    )


def _without_column(stain: str) -> Column:
    return Column(
        name=f"without_{stain}",
        title=f"NSC lost without {spoken(stain)}",
        better="neither",
        meaning=f"NSC of the cells as they are less that of the cells with a blank {spoken(stain)} plane (zeros), paired by "
        "treatment.",
    )
