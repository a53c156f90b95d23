"""Score what was embedded elsewhere, or a run's profiles again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from cytobench import registry
from cytobench.benchmark import Benchmark
from cytobench.boards.build import refresh_run_board
from cytobench.card import MethodCard
from cytobench.datasets.opening import open_dataset
from cytobench.datasets.profiles import ProfileTable, refuse_non_finite
from cytobench.embedding import Embeddings
from cytobench.errors import CytoBenchError
from cytobench.files import sha256_text
from cytobench.results.keys import chained
from cytobench.results.provenance import provenance
from cytobench.results.runs import Run, RunRecord
from cytobench.results.schema import Scores
from cytobench.runner import SCORE_OUTPUTS, score_profiles, write_profiles
from cytobench.schema import validate


def score(profiles: object, benchmark: str = "bbbc021-moa") -> Scores:
    """Score embeddings or a profile table in memory.

    Args:
        profiles: :class:`~cytobench.embedding.Embeddings`, or a DataFrame with one row a well and ``Metadata_`` columns.
        benchmark: a registered name.
    """
    scored: Scores = registry.benchmark(benchmark).score(profiles.wells() if isinstance(profiles, Embeddings) else profiles)
    return scored


def evaluate(
    source: str, *, name: str | None = None, title: str | None = None, citation: str = "supplied without a citation",
    supervision: str = "not stated", benchmark: str = "bbbc021-moa", allow_nan: bool = False, runs: Path = Path("runs"),
) -> Run:  # fmt: skip
    """Score profiles that were computed elsewhere, or a run's profiles again under another benchmark.

    Args:
        source: a registered data set of profiles, a profile table (Parquet or CSV), or a run's folder.
        name: of the method on boards; the data set's name where None.
        title: of the method in words.
        citation: of the method.
        supervision: what it learned from: none, imagenet, treatment or moa.
        benchmark: a registered name.
        allow_nan: whether features may be NaN; they are then imputed by the controls' median, and counted.
        runs: where the run folder is made.

    Returns:
        The finished run.

    Raises:
        CytoBenchError: in one sentence, which row or column is wrong.
    """
    chosen: Benchmark = registry.benchmark(benchmark)
    if (Path(source) / "run.json").is_file():
        outcome = _again(Run.read(Path(source)), chosen, runs)
    else:
        said = {"title": title or f"{name or source}, embeddings supplied", "citation": citation, "supervision": supervision}
        outcome = _supplied(source, name, said, chosen, allow_nan, runs)
    if not outcome.finished():
        with outcome.writing():
            outcome.stage("score", SCORE_OUTPUTS, "cpu", lambda: score_profiles(chosen, outcome.path, outcome.record.title))
    refresh_run_board(runs)
    return outcome


def _again(earlier: Run, benchmark: Benchmark, runs: Path) -> Run:
    """The run of the same embeddings under this benchmark; its folder takes over the stages of the earlier one."""
    if "embed" not in earlier.record.stages:
        raise CytoBenchError(f"{earlier.path}: the run is {earlier.record.status} and has no profiles; run it again")
    keys = chained(earlier.record.keys.train, earlier.record.dataset_identity, benchmark.identity)
    return Run.at(
        runs, earlier.record.model_copy(update={"keys": keys, "benchmark": benchmark.identity, "stages": {}, "twin": None})
    )


def _supplied(source: str, name: str | None, said: dict[str, str], benchmark: Benchmark, allow_nan: bool, runs: Path) -> Run:
    data = open_dataset(source)
    if not isinstance(data, ProfileTable):
        raise CytoBenchError(
            f"{source} is a store of cell images; embed and score it with 'cytobench run --method NAME --dataset {source}'"
        )
    refuse_non_finite(data.profiles, data.name, allow_nan=allow_nan)
    method = name or re.sub(r"[^a-z0-9]+", "-", data.name.lower()).strip("-")
    card = validate(MethodCard, {"name": method, "kind": "other", "licence": "not stated", "input": "wells", **said}, "evaluate")
    command = ["cytobench", "evaluate", source, "--name", method, "--title", said["title"], "--citation", said["citation"]]
    command += ["--supervision", said["supervision"], *(["--allow-nan"] if allow_nan else [])]
    outcome = Run.at(runs, RunRecord(
        status="running", method=method, card=card, untrained=False, supplied=True, dataset=data.name,
        dataset_identity=data.identity, simulated=data.simulated, all_cells_counted=data.all_cells_counted,
        benchmark=benchmark.identity, recipe_name=None, recipe={},
        seed=0, keys=chained(sha256_text("supplied", method), data.identity, benchmark.identity), command=shlex.join(command),
        provenance=provenance(),
    ))  # fmt: skip
    if not outcome.finished():
        write_profiles(data.wells(), outcome.path)
    return outcome
