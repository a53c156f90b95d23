"""The files of the sensitivity map: records of measured runs, the page and the pictures that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from cytobench import registry
from cytobench.boards.maps import FOLDER, make_maps
from cytobench.boards.sensitivity_figures import draw_map
from cytobench.boards.sensitivity_page import page
from cytobench.errors import CytoBenchError
from cytobench.files import locked, write_text
from cytobench.progress import note
from cytobench.results.runs import Run
from cytobench.schema import dump_json, load_json
from cytobench.sensitivity.measure import measure
from cytobench.sensitivity.published import Published, read_published
from cytobench.sensitivity.record import SensitivityRecord
from cytobench.sensitivity.sources import declaration_of, measured_by

PAGE, PUBLISHED = "sensitivity.md", "published.yaml"
"""Below the leaderboards: the page, and the figures of the literature."""

Draw = Callable[[], str]
"""Returns a picture as SVG."""


def measure_runs(folders: Sequence[Path], leaderboards: Path, *, progress: bool = False) -> tuple[list[Path], list[str]]:
    """Measure runs of real data, keep their records and rebuild the page.

    Args:
        folders: of finished runs.
        leaderboards: the folder.
        progress: show a progress bar for each on stderr.

    Returns:
        The records' files, and for each run that could not be measured a sentence on why; it stops no other.
    """
    published, kept, failed = published_of(leaderboards), [], []
    for folder in folders:
        try:
            run = Run.read(folder)
            _refuse_simulated(run.record.label, run.record.dataset, run.record.simulated)
            reference = declaration_of(registry.benchmark(run.record.benchmark)).reference
            places = [result.place(reference) for result in published.results]
            kept.append(keep_record(measure(run, places, progress=progress), leaderboards))
        except CytoBenchError as error:
            failed.append(str(error))
            note(f"not measured: {error}")
    with locked(leaderboards / ".lock", f"the page in {leaderboards}", wait=10):
        texts, pictures = map_files(leaderboards)
        for path, text in texts.items():
            write_text(path, text)
        write_pictures(pictures, leaderboards / FOLDER)
    return kept, failed


def keep_record(record: SensitivityRecord, leaderboards: Path) -> Path:
    """Write a record of real data into a leaderboards folder."""
    _refuse_simulated(record.label, record.dataset, record.simulated)
    path = leaderboards / FOLDER / record.file
    write_text(path, dump_json(record))
    return path


def published_of(leaderboards: Path) -> Published:
    """The figures of the literature that a leaderboards folder holds; none where it has no such file."""
    path = leaderboards / PUBLISHED
    return read_published(path) if path.is_file() else Published(results=())


def map_files(leaderboards: Path) -> tuple[dict[Path, str], dict[Path, Draw]]:
    """Make the page (path -> text) of a leaderboards folder, and say how its pictures are drawn; none without data.

    Raises:
        CytoBenchError: where a record is not what this installation would measure, or lies where it should not.
    """
    published, maps = published_of(leaderboards), make_maps(_records(leaderboards))
    if not published.results and not maps:
        return {}, {}
    return {leaderboards / PAGE: page(maps, published)}, {leaderboards / one.picture: partial(draw_map, one) for one in maps}


def write_pictures(pictures: dict[Path, Draw], folder: Path) -> None:
    """Draw pictures, and remove from their folder those of what is gone."""
    for path, draw in pictures.items():
        write_text(path, draw())
    for path in set(folder.glob("*.svg")) - pictures.keys():
        path.unlink()


def _records(leaderboards: Path) -> list[SensitivityRecord]:
    records = []
    for path in sorted((leaderboards / FOLDER).glob("*.json")):
        record = load_json(SensitivityRecord, path)
        if path.name != record.file:
            raise CytoBenchError(f"{path}: holds the map of {record.file}; it was moved or edited, measure the run again")
        _refuse_simulated(record.label, record.dataset, record.simulated)
        records.append(record)
    _refuse_stale(records, leaderboards)
    return records


def _refuse_stale(records: list[SensitivityRecord], leaderboards: Path) -> None:
    """Refuse records that another declaration or other source measured."""
    stale = [one for one in records if one.measured_by != measured_by(registry.benchmark(one.benchmark))]
    if stale:
        files = ", ".join(str(leaderboards / FOLDER / one.file) for one in stale)
        runs = " ".join(f"runs/{one.run}" for one in stale)
        raise CytoBenchError(
            f"{files}: stale, measured by another sensitivity.yaml or other source than is here; measure again with "
            f"'cytobench leaderboard sensitivity {runs} --folder {leaderboards}'"
        )


def _refuse_simulated(label: str, dataset: str, simulated: bool) -> None:
    if simulated:
        raise CytoBenchError(f"{label} on {dataset}: simulated data, of which there is no map; measure a run of real cells")
