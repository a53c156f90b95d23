"""What a reader of a model's analogies must know."""

from __future__ import annotations

import numpy as np

from cytobench.phenotypes.algebra.space import CodeSpace
from cytobench.phenotypes.analogies.families import Family
from cytobench.phenotypes.analogies.measures import FAMILIES, Block
from cytobench.phenotypes.analogies.protocol import AlgebraProtocol
from cytobench.results.measures import Measure

FEW_CELLS = 50
"""Where the median treatment has fewer cells, this is said; a convention, no estimate."""


def warnings_of(
    space: CodeSpace,
    families: dict[str, Family],
    blocks: dict[str, Block],
    equations: dict[str, Block],
    protocol: AlgebraProtocol,
) -> tuple[str, ...]:
    """Sentences on what the algebra does not add, how few cells speak, and what was left out."""
    said = [sentence for key, block in blocks.items() for sentence in _against_base(FAMILIES[key][0], block)]
    said += [sentence for name, block in equations.items() for sentence in _of_equation(name, block)]
    counted = ", ".join(f"{len(family)} {FAMILIES[key][0]} analogies" for key, family in families.items())
    said.append(f"{counted} and {len(equations)} equations over {protocol.groups} cell groups were asked")
    return (*said, *_of_cells(space, protocol), *space.screen.warnings())


def _against_base(title: str, block: Block) -> list[str]:
    gain, base, random = block.gain, block.rates["base"]["mrr"], block.rates["random"]["mrr"]
    if gain.value is None:
        return [f"{title} analogies: none, {gain.reason}"]
    said = []
    if gain.value <= 0 or gain.low is None or gain.low <= 0:
        said.append(
            f"{title} analogies: the algebra adds nothing here that these data could show: "
            f"MRR {_text(block.rates['result']['mrr'])}, its base alone {_text(base)}, gain {_text(gain)}"
        )
    result = block.rates["result"]["mrr"].value
    if random.value is not None and result is not None and random.value >= result:
        said.append(f"{title} analogies: other differences in place of its own do as well (MRR {_text(random)})")
    return said


def _of_equation(name: str, block: Block) -> list[str]:
    hit, base = block.rates["result"]["top1"].value, block.rates["base"]["top1"].value
    if hit is None or base is None:
        return [f"equation {name!r} was not asked: {block.gain.reason}"]
    said, gain = [], block.gain
    if gain.value is None or gain.low is None or gain.low <= 0:
        verdict = "adds nothing" if (gain.value or 0) <= 0 else f"may add nothing (gain {_text(gain)})"
        said.append(
            f"equation {name!r}: the algebra {verdict} here: its answer is nearest in {hit:.0%} of cell groups, "
            f"by its base alone in {base:.0%}"
        )
    result, random = block.rates["result"]["mrr"], block.rates["random"]["mrr"]
    if (random.value or 0) >= (result.value or 0):
        said.append(
            f"equation {name!r}: what stands in for its other terms does as well "
            f"(MRR {random.value:.3f}, its own {result.value:.3f})"
        )
    return said


def _of_cells(space: CodeSpace, protocol: AlgebraProtocol) -> list[str]:
    counts, said = space.counts, []
    few = [t.name for t, count in zip(space.screen.treatments, counts, strict=True) if count < protocol.minimum_cells]
    if few:
        said.append(f"{len(few)} treatments with fewer than {protocol.minimum_cells} cells are no terms: {', '.join(few[:5])}")
    if np.median(counts) < FEW_CELLS:
        spread = f"{counts.min()} to {counts.max()} cells, median {np.median(counts):g}"
        said.append(f"a treatment has {spread}: its mean is uncertain, which intervals over compounds leave out")
    return said


def _text(measure: Measure) -> str:
    interval = "" if measure.low is None or measure.high is None else f" [{measure.low:.3f}, {measure.high:.3f}]"
    return f"{measure.value:.3f}{interval}"
