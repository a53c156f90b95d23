"""Expressions in, an account of them and one picture each out."""

from __future__ import annotations

from pathlib import Path

from cytobench.benchmark import MOABenchmark
from cytobench.files import slug
from cytobench.phenotypes.algebra.algebra import answer, read_sums
from cytobench.phenotypes.algebra.answer import AlgebraReport
from cytobench.phenotypes.algebra.picture import draw_answer
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.naming import stem_of

LONGEST_NAME = 60
"""Letters of an expression in a file's name."""


def algebra(
    expressions: list[str],
    model: Model,
    benchmark: MOABenchmark,
    out: Path,
    *,
    nearest: int = 10,
    seed: int = 0,
    progress: bool = False,
) -> AlgebraReport:
    """Add cells as expressions say, rank all treatments for each result, and draw it.

    Args:
        expressions: such as ``emetine@1 - emetine@0.3 + taxol@0.3``.
        model: an invertible one.
        benchmark: its protocol makes profiles; its treatments are ranked.
        out: the folder for pictures, made where it is not there.
        nearest: treatments to name.
        seed: of the halves of the control cells, and of the real cells shown.
        progress: show a bar on stderr while cells are encoded.

    Raises:
        ExpressionError: where an expression is wrong; nothing is then computed.
        CytoBenchError: where the model cannot encode and decode.
    """
    space, sums = read_sums(expressions, model, benchmark, seed=seed, progress=progress)
    answers = []
    for added in sums:
        found = answer(space, added, nearest)
        words = slug(found.expression)[:LONGEST_NAME].rstrip("-.")
        path = out / f"{stem_of('algebra', model, words, asked=(found.expression, benchmark.identity, nearest, seed))}.png"
        draw_answer(model, space, added, found, path, seed)
        answers.append(found.model_copy(update={"files": (str(path),)}))
    protocol = benchmark.protocol
    return AlgebraReport(
        model=model.name,
        title=model.title,
        dataset=model.store.name,
        profiles=f"{benchmark.identity} {protocol.headline}, {protocol.distance} distance",
        seed=seed,
        answers=tuple(answers),
    )
