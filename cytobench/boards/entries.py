"""The one source of a board: finished runs, and the score files that are kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cytobench.errors import CytoBenchError
from cytobench.files import locked, write_text
from cytobench.results.record import KEY_LENGTH, RunRecord
from cytobench.results.runs import Run, find_runs
from cytobench.results.schema import Scores
from cytobench.schema import Record, dump_json, load_json


class BoardEntry(Record):
    """A score file: what was run and what it scored."""

    schema_version: Literal[1] = 1
    run: RunRecord
    scores: Scores

    @classmethod
    def of(cls, run: Run) -> BoardEntry:
        """The entry of a finished run."""
        return cls(run=run.record, scores=run.scores)

    @property
    def file(self) -> Path:
        """Its place below ``leaderboards/scores``."""
        return self.run.folder.with_name(f"{self.run.keys.score[:KEY_LENGTH]}.json")


def read_entry(path: Path) -> BoardEntry:
    """Read a run's folder or a score file."""
    return BoardEntry.of(Run.read(path)) if path.is_dir() else load_json(BoardEntry, path)


def entries_of_runs(runs: Path) -> tuple[list[BoardEntry], list[str]]:
    """Return every finished run below a runs folder, and what is wrong with those that cannot be read."""
    readable, wrong = find_runs(runs)
    entries = []
    for run in readable:
        try:
            entries += [BoardEntry.of(run)] if run.record.status == "finished" else []
        except CytoBenchError as error:
            wrong.append(str(error))
    return entries, wrong


def entries_of_scores(leaderboards: Path) -> list[BoardEntry]:
    """Return every score file of a leaderboards folder, each checked to lie where its contents say."""
    if not (leaderboards / "scores").is_dir():
        raise CytoBenchError(f"{leaderboards} has no folder scores; add a run to it with 'cytobench leaderboard add RUN'")
    entries = []
    for path in sorted((leaderboards / "scores").glob("**/*.json")):
        entry = load_json(BoardEntry, path)
        if path != leaderboards / "scores" / entry.file:
            raise CytoBenchError(f"{path}: holds the scores of {entry.file}; it was moved or edited, add the run again")
        entries.append(entry)
    return entries


def add_runs(runs: Sequence[Run], leaderboards: Path) -> list[Path]:
    """Write the score files of finished runs and of their untrained twins (a trained method never stands alone), or none."""
    entries = [entry for run in runs for entry in _with_twin(run)]
    paths = [leaderboards / "scores" / entry.file for entry in entries]
    with locked(leaderboards / ".lock", f"the board in {leaderboards}", wait=10):
        for path, entry in zip(paths, entries, strict=True):
            write_text(path, dump_json(entry))
    return paths


def _with_twin(run: Run) -> list[BoardEntry]:
    entries = [BoardEntry.of(run)]
    if run.record.twin_folder is not None:
        entries.append(BoardEntry.of(Run.read(run.path.resolve().parents[2] / run.record.twin_folder)))
    return entries
