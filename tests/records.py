"""Runs and scores that nothing had to be computed for."""

from pathlib import Path

import pandas as pd
from conftest import TREATMENTS

from cytobench.boards.entries import BoardEntry
from cytobench.card import MethodCard
from cytobench.files import sha256_text, write_text
from cytobench.results.keys import chained
from cytobench.results.provenance import Provenance, Stage
from cytobench.results.record import RunRecord
from cytobench.results.runs import Run
from cytobench.results.schema import Counts, Estimate, PanelEntry, Prediction, Scores
from cytobench.schema import dump_json

HERE = Provenance(versions={}, commit=None, platform="p", processor="p", cores=1, memory_bytes=1, accelerator=None)
SCORED = Stage(
    seconds=1.5, peak_memory_bytes=2**20, peak_accelerator_memory_bytes=None, device="cpu", outputs={}, provenance=HERE
)


def made_entry(method: str = "pretend", correct: tuple[float, ...] = (1, 0, 1, 0), **changes) -> BoardEntry:
    """A board entry of no real run.

    ``correct`` says how the first treatments of the protocol fared, ``changes`` go to the card and to the record.
    """
    card = {
        "name": method,
        "title": method.title(),
        "kind": "other",
        "citation": "none",
        "supervision": "none",
        "licence": "none",
    }
    card |= {key: changes.pop(key) for key in MethodCard.model_fields if key in changes}
    facts = {
        "status": "finished", "method": method, "card": MethodCard(**card), "untrained": False, "supplied": False,
        "dataset": "screen", "dataset_identity": "d" * 64, "simulated": False, "all_cells_counted": False,
        "benchmark": "bbbc021-moa/1", "recipe_name": "default", "recipe": {}, "seed": 0, "stages": {"score": SCORED},
        "command": "cytobench run",
    } | changes  # fmt: skip
    train = sha256_text(method, str(facts["untrained"]), str(facts["seed"]))
    facts.setdefault("keys", chained(train, facts["dataset_identity"], "", facts["benchmark"]))
    return BoardEntry(run=RunRecord(**facts), scores=made_scores(correct, facts["benchmark"]))


def made_scores(correct: tuple[float, ...], benchmark: str = "bbbc021-moa/1") -> Scores:
    """Scores with one prediction for each of ``correct``; under ``raw`` 0.1 less is right than under the headline."""
    treatments = pd.read_csv(TREATMENTS).head(len(correct))
    predictions = [
        Prediction(
            compound=row.compound, concentration=row.concentration, moa=row.moa, predicted=row.moa if right else "other",
            correct=right, neighbour="n", distance=0.1, wells=3, cells=9,
        )
        for row, right in zip(treatments.itertuples(), correct, strict=True)
    ]  # fmt: skip
    share = sum(correct) / len(correct)
    headline = Estimate(value=share, low=share / 2, high=share, n=len(correct), treatments=len(correct), wells=12, cells=99)
    raw = headline.model_copy(update={"value": share - 0.1})
    panel = [PanelEntry(postprocessing=n, available=True, nsc=e) for n, e in (("raw", raw), ("sphering-lw", headline))]
    counts = Counts(treatments=len(correct), compounds=2, wells=12, control_wells=6, cells=99)
    return Scores(
        benchmark=benchmark, headline="sphering-lw", panel=tuple(panel), counts=counts, predictions=tuple(predictions),
        labels=(), confusion=(),
    )  # fmt: skip


def made_run(runs: Path, entry: BoardEntry) -> Run:
    """Leave ``entry`` below ``runs`` as a finished run."""
    made = Run.at(runs, entry.run.model_copy(update={"stages": {}}))
    with made.writing():
        made.stage("embed", ("profiles.parquet",), "cpu", lambda: write_text(made.path / "profiles.parquet", entry.run.method))
        made.stage("score", ("scores.json",), "cpu", lambda: write_text(made.path / "scores.json", dump_json(entry.scores)))
    return made
