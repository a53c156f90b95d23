"""The one source of a board: finished runs, and the score files that are kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cytobench.errors import CytoBenchError
from cytobench.files import locked, write_text
from cytobench.results.measures import Measures
from cytobench.results.record import KEY_LENGTH, RunRecord
from cytobench.results.runs import Run, find_runs
from cytobench.results.schema import Scores
from cytobench.schema import Record, dump_json, load_json, read_json


class ScoreFile(Record):
    """What was run; the kinds of score files add what it scored."""

    schema_version: Literal[1] = 1
    run: RunRecord

    @property
    def file(self) -> Path:
        """Its place below ``leaderboards/scores``."""
        return self.run.folder.with_name(f"{self.run.keys.score[:KEY_LENGTH]}.json")


class BoardEntry(ScoreFile):
    """A run of a benchmark of profiles."""

    scores: Scores


class MeasuredEntry(ScoreFile):
    """A run of a benchmark of models."""

    measures: Measures


Entry = BoardEntry | MeasuredEntry


def entry_of(run: Run) -> Entry:
    """The entry of a finished run."""
    if run.record.requires == "profiles":
        return BoardEntry(run=run.record, scores=run.scores)
    return MeasuredEntry(run=run.record, measures=run.measures)


def read_entry(path: Path) -> Entry:
    """Read a run's folder or a score file."""
    return entry_of(Run.read(path)) if path.is_dir() else _load(path)


def entries_of_runs(runs: Path) -> tuple[list[Entry], list[str]]:
    """Return every finished run below a runs folder, and what is wrong with those that cannot be read."""
    readable, wrong = find_runs(runs)
    entries: list[Entry] = []
    for run in readable:
        try:
            entries += [entry_of(run)] if run.record.status == "finished" else []
        except CytoBenchError as error:
            wrong.append(str(error))
    return entries, wrong


def entries_of_scores(leaderboards: Path) -> list[Entry]:
    """Return every score file of a leaderboards folder, each checked to lie where its contents say."""
    if not (leaderboards / "scores").is_dir():
        raise CytoBenchError(f"{leaderboards} has no folder scores; add a run to it with 'cytobench leaderboard add RUN'")
    entries = []
    for path in sorted((leaderboards / "scores").glob("**/*.json")):
        entry = _load(path)
        if path != leaderboards / "scores" / entry.file:
            raise CytoBenchError(f"{path}: holds the scores of {entry.file}; it was moved or edited, add the run again")
        entries.append(entry)
    return entries


def of_profiles(entries: Sequence[Entry]) -> list[BoardEntry]:
    """Those of benchmarks of profiles."""
    return [entry for entry in entries if isinstance(entry, BoardEntry)]


def of_models(entries: Sequence[Entry]) -> list[MeasuredEntry]:
    """Those of benchmarks of models."""
    return [entry for entry in entries if isinstance(entry, MeasuredEntry)]


def add_runs(runs: Sequence[Run], leaderboards: Path) -> list[Path]:
    """Write the score files of finished runs and of their untrained twins (a trained method never stands alone), or none."""
    entries = [entry for run in runs for entry in _with_twin(run)]
    paths = [leaderboards / "scores" / entry.file for entry in entries]
    with locked(leaderboards / ".lock", f"the board in {leaderboards}", wait=10):
        for path, entry in zip(paths, entries, strict=True):
            write_text(path, dump_json(entry))
    return paths


def _with_twin(run: Run) -> list[Entry]:
    entries = [entry_of(run)]
    if run.record.twin_folder is not None:
        entries.append(entry_of(Run.read(run.path.resolve().parents[2] / run.record.twin_folder)))
    return entries


def _load(path: Path) -> Entry:
    data = read_json(path)
    measured = isinstance(data, dict) and "measures" in data
    return load_json(MeasuredEntry, path) if measured else load_json(BoardEntry, path)
