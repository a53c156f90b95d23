"""Score what was embedded elsewhere, or a run's profiles again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from cytobench import registry
from cytobench.benchmark import Benchmark, ProfileBenchmark
from cytobench.boards.build import refresh_run_board
from cytobench.card import METHOD_NAME, MethodCard
from cytobench.datasets.opening import open_dataset
from cytobench.datasets.profile_table import ProfileTable
from cytobench.datasets.profiles import check_profiles, refuse_non_finite
from cytobench.embedding.embed import Embeddings
from cytobench.errors import CytoBenchError
from cytobench.files import sha256_text
from cytobench.representing import PROFILES, write_profiles
from cytobench.results.keys import Keys, score_key
from cytobench.results.record import RunRecord
from cytobench.results.runs import Run
from cytobench.results.schema import Scores
from cytobench.runner import SCORE_OUTPUTS, score_profiles
from cytobench.schema import dump_json, validate


def score(profiles: Embeddings | pd.DataFrame, benchmark: str = "bbbc021-moa") -> Scores:
    """Score embeddings or a profile table in memory.

    Args:
        profiles: :class:`~cytobench.embedding.embed.Embeddings`, or a DataFrame with one row a well and ``Metadata_`` columns.
        benchmark: a registered name.
    """
    if isinstance(profiles, Embeddings):
        table = profiles.wells()
    elif isinstance(profiles, pd.DataFrame):
        check_profiles(profiles, "the profiles")
        refuse_non_finite(profiles, "the profiles", allow_nan=True)
        table = ProfileTable("the profiles", profiles, content_sha256="").wells()
    else:
        raise CytoBenchError(f"score() takes Embeddings or a DataFrame, not {type(profiles).__name__}")
    return _of_profiles(benchmark, "these profiles").score(table)


def evaluate(
    source: str,
    *,
    name: str | None = None,
    title: str | None = None,
    citation: str = "supplied without a citation",
    supervision: str = "not stated",
    benchmark: str = "bbbc021-moa",
    allow_nan: bool = False,
    runs: Path = Path("runs"),
) -> Run:
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
    chosen = _of_profiles(benchmark, source)
    again = (Path(source) / "run.json").is_file()
    if again:
        data, record = None, _again(Run.read(Path(source)), chosen)
    else:
        said = {
            "title": title or f"{name or Path(source).name}, embeddings supplied",
            "citation": citation,
            "supervision": supervision,
        }
        data = _profiles(source, allow_nan)
        record = _supplied(source, data, name, said, chosen, allow_nan)
    outcome = Run.at(runs, record)
    if not outcome.finished():
        profiles = None if data is None else data.wells()
        with outcome.writing(*([Path(source)] if again else [])):
            if profiles is not None:
                outcome.stage(
                    "embed",
                    (PROFILES,),
                    "cpu",
                    lambda: write_profiles(profiles, outcome.path, simulated=record.simulated),
                )
            outcome.stage("score", SCORE_OUTPUTS, "cpu", lambda: score_profiles(chosen, outcome.path, record.title))
    refresh_run_board(runs)
    return outcome


def _of_profiles(name: str, source: str) -> ProfileBenchmark:
    benchmark: Benchmark = registry.benchmark(name)
    if not isinstance(benchmark, ProfileBenchmark):
        raise CytoBenchError(
            f"{benchmark.name} is put to models, not to profiles; use 'cytobench run --checkpoint {source} --benchmark {name}'"
        )
    return benchmark


def _again(earlier: Run, benchmark: Benchmark) -> RunRecord:
    """The run of the same embeddings under this benchmark; it takes over the stages of the earlier one."""
    if "embed" not in earlier.reusable_stages():
        raise CytoBenchError(
            f"{earlier.path}: the run is {earlier.record.status}, but its profiles are missing or damaged; run it again"
        )
    before = earlier.record.keys
    keys = before.model_copy(update={"score": score_key(before.embed, benchmark.identity)})
    scored = {"benchmark": benchmark.identity, "requires": benchmark.requires}
    changes: dict[str, Any] = {"keys": keys, **scored, "stages": {}, "twin": None, "twin_folder": None}
    return earlier.record.model_copy(update=changes)


def _profiles(source: str, allow_nan: bool) -> ProfileTable:
    data = open_dataset(source)
    if not isinstance(data, ProfileTable):
        raise CytoBenchError(f"{source} holds cell images; score it with 'cytobench run --method NAME --dataset {source}'")
    refuse_non_finite(data.profiles, data.name, allow_nan=allow_nan)
    return data


def _supplied(
    source: str, data: ProfileTable, name: str | None, said: dict[str, str], benchmark: Benchmark, allow_nan: bool
) -> RunRecord:
    method = name or re.sub(r"[^a-z0-9]+", "-", data.name.lower()).strip("-")
    if not re.fullmatch(METHOD_NAME, method):
        raise CytoBenchError(f"the name {method!r}: use lower-case letters, digits and hyphens; --title takes words")
    if method in registry.methods():
        raise CytoBenchError(f"the name {method!r} is a registered method's; give these embeddings another with --name")
    card = validate(MethodCard, {"name": method, "kind": "other", "licence": "not stated", "input": "wells", **said}, "evaluate")
    embed = sha256_text("supplied", dump_json(card), data.content_sha256)
    command = ["cytobench", "evaluate", source, "--name", method, "--title", said["title"], "--citation", said["citation"]]
    command += ["--supervision", said["supervision"], "--benchmark", benchmark.name, *(["--allow-nan"] if allow_nan else [])]
    return RunRecord(
        status="running",
        method=method,
        card=card,
        untrained=False,
        supplied=True,
        dataset=data.name,
        dataset_identity=data.identity,
        simulated=data.simulated,
        all_cells_counted=data.all_cells_counted,
        benchmark=benchmark.identity,
        recipe_name=None,
        recipe={},
        seed=0,
        keys=Keys(train=embed, embed=embed, score=score_key(embed, benchmark.identity)),
        command=shlex.join(command),
    )
