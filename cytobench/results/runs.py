"""The run store: ``runs/<dataset>/<method>/<key>/``, where a finished stage is reused and a failed one never is."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal

from cytobench.errors import CytoBenchError
from cytobench.files import locked, sha256, write_text
from cytobench.results.measures import Measures
from cytobench.results.provenance import Meter, Stage, provenance
from cytobench.results.record import RunRecord
from cytobench.results.reuse import finished_stage, link, whole
from cytobench.results.schema import Scores
from cytobench.schema import dump_json, load_json

Until = Literal["trained", "embedded", "finished"]
"""How far a run is made: its weights, its profiles, or its scores."""

NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""What a system says where a file finds no room."""


class Run:
    """One run's folder.

    Args:
        path: the folder.
        record: what the run is.
    """

    def __init__(self, path: Path, record: RunRecord):
        self.path, self.record = path, record

    @classmethod
    def at(cls, runs: Path, record: RunRecord) -> Run:
        """The run that ``record`` describes, in its place below the runs folder."""
        return cls(runs / record.folder, record)

    @classmethod
    def read(cls, path: Path) -> Run:
        """Open an existing run folder."""
        if not (path / "run.json").is_file():
            raise CytoBenchError(f"{path}: not a run folder (it has no run.json); 'cytobench ls runs' lists the runs")
        return cls(path, load_json(RunRecord, path / "run.json"))

    @property
    def scores(self) -> Scores:
        """The scores of a finished run of a benchmark of profiles."""
        if self.record.requires != "profiles":
            raise CytoBenchError(f"{self.path}: a run of {self.record.benchmark}, which scores no profiles; take one that does")
        return load_json(Scores, self._scored())

    @property
    def measures(self) -> Measures:
        """What a finished run's benchmark of models found."""
        return load_json(Measures, self._scored())

    def _scored(self) -> Path:
        if self.record.status != "finished":
            why = f": {self.record.error}" if self.record.error else ""
            raise CytoBenchError(f"{self.path}: the run is {self.record.status}{why}; run it again")
        if not whole(self.path, self.record.stages["score"]):
            raise CytoBenchError(f"{self.path}: its scores are not as they were written; run it again")
        return self.path / "scores.json"

    def finished(self) -> bool:
        """Whether this very run is already done, with every file that it wrote still there and whole."""
        if not (self.path / "run.json").is_file():
            return False
        there, card = load_json(RunRecord, self.path / "run.json"), self.record.card
        if there.keys != self.record.keys or there.status != "finished" or set(there.stages) != set(self.record.stage_names):
            return False
        if not all(whole(self.path, stage) for stage in there.stages.values()):
            return False
        self.record = there
        if there.card != card:  # what a method is said to be may have changed since
            self.update(card=card)
        return True

    @contextmanager
    def writing(self, *others: Path, until: Until = "finished") -> Iterator[None]:
        """Hold the run while it is made: its record says running, then ``until``, failed (with the error) or interrupted.

        What is done already is taken over from this run's own folder, from its siblings, and from the run folders ``others``.
        """
        with self._lock():
            for abandoned in self.path.glob(".*"):  # temporary files of a run that was killed
                abandoned.unlink()
            self._reuse_stages(*others)
            self.update(status="running")
            try:
                yield
            except KeyboardInterrupt:
                self.update(status="interrupted")
                raise
            except BaseException as error:
                said = _no_room(error, self.path) or error
                kind = "" if isinstance(said, CytoBenchError) else f"{type(said).__name__}: "
                self.update(status="failed", error=f"{kind}{said}")
                raise said from error.__cause__
            self.update(status=until, error=None)

    def stage(
        self,
        name: str,
        outputs: tuple[str, ...],
        device: str,
        action: Callable[[], dict[str, Any] | None],
        *,
        pictures: tuple[str, ...] = (),
    ) -> None:
        """Do one stage, unless it is done: measure it and record the sha256 of its outputs.

        Args:
            name: ``train``, ``embed`` or ``score``.
            outputs: the files that it writes into the folder.
            device: what it runs on.
            action: does it; may return fields of the record to set.
            pictures: files that it may write beside them, or patterns of their names.
        """
        if name in self.record.stages:
            return
        with Meter() as meter:
            changes = action() or {}
        found = (file for picture in pictures for file in self.path.glob(picture))
        drawn = [file.relative_to(self.path).as_posix() for file in sorted(found)]
        written = {output: sha256(self.path / output) for output in (*outputs, *drawn)}
        done = Stage(
            seconds=meter.seconds,
            peak_memory_bytes=meter.peak_memory_bytes,
            peak_accelerator_memory_bytes=meter.peak_accelerator_memory_bytes,
            device=device,
            outputs=written,
            provenance=provenance(),
        )
        self.update(stages={**self.record.stages, name: done}, **changes)

    def update(self, **changes: Any) -> None:
        """Rewrite ``run.json`` with these fields changed."""
        self.record = self.record.model_copy(update=changes)
        write_text(self.path / "run.json", dump_json(self.record))

    def reusable_stages(self, *others: Path) -> dict[str, Path]:
        """The finished stages that this run can take over, and the folders that hold them: its own, its siblings, ``others``."""
        siblings = self.path.parent.iterdir() if self.path.parent.is_dir() else ()
        folders = [*sorted(siblings, key=lambda folder: (folder != self.path, folder.name)), *others]
        found: dict[str, Path] = {}
        for name in self.record.stage_names:
            holder = next((folder for folder in folders if finished_stage(folder, name, self.record.keys)), None)
            if holder is None:
                break  # what comes after it was made from what is no longer there
            found[name] = holder
        return found

    def stopped(self) -> bool:
        """Whether the record says running although no process holds the run: it was killed."""
        if self.record.status != "running":
            return False
        try:
            with self._lock():
                return True
        except CytoBenchError:
            return False

    def _lock(self) -> AbstractContextManager[None]:
        return locked(self.path.with_name(f".{self.path.name}.lock"), f"the run {self.path}")

    def _reuse_stages(self, *others: Path) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        for name, folder in self.reusable_stages(*others).items():
            taken = finished_stage(folder, name, self.record.keys)
            if taken is not None:
                self._take(folder, name, *taken)

    def _take(self, folder: Path, name: str, stage: Stage, record: RunRecord) -> None:
        for output in stage.outputs:
            if folder != self.path:
                (self.path / output).parent.mkdir(exist_ok=True)
                link(folder / output, self.path / output)
        told = {"cells_seen": record.cells_seen, "kept_step": record.kept_step} if name == "train" else {}
        self.record = self.record.model_copy(update={"stages": {**self.record.stages, name: stage}, **told})


def _no_room(error: BaseException, folder: Path) -> CytoBenchError | None:
    """What to say where a file found no room; None of any other error."""
    if not isinstance(error, OSError) or error.errno not in NO_ROOM:
        return None
    return CytoBenchError(f"{error.filename or folder} could not be written ({error.strerror}); make room and run it again")


def find_runs(root: Path) -> tuple[list[Run], list[str]]:
    """Return the runs below a runs folder in the order of their paths, and for each that cannot be read a sentence on why."""
    runs, wrong = [], []
    for path in sorted(root.glob("*/*/*/run.json")):
        try:
            runs.append(Run.read(path.parent))
        except CytoBenchError as error:
            wrong.append(str(error))
    return runs, wrong
