"""``prepare``: fields of view -> cell store, plate by plate, on many cores, to be continued wherever it was stopped."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cytobench.datasets.image_set import FieldOfView, ImageSet
from cytobench.datasets.preparation.growing_store import GrowingStore, StoreFacts
from cytobench.datasets.preparation.part import PartTask, make_part
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.datasets.preparation.survey import Looked, PlateSurvey, look, survey
from cytobench.datasets.preparation.workers import cores_or_cluster, run_tasks
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import check_names
from cytobench.errors import CytoBenchError
from cytobench.files import locked
from cytobench.imaging.segmentation import make_segmenter
from cytobench.imaging.tiff import ImageError
from cytobench.progress import progress_bar

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where nothing more can be written."""

LOOK_FIELDS = 8
"""Fields that one task of the survey reads."""


def prepare(
    images: str | Path | ImageSet,
    out: str | Path,
    spec: PreparationSpec | None = None,
    *,
    plates: Sequence[str] | None = None,
    name: str | None = None,
    source: str | None = None,
    illumination: str | Path | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    strict: bool = False,
    progress: bool = True,
) -> CellStore:
    """Make a cell store of an image set, or continue or extend one.

    The store holds the same bytes whatever the number of workers, and however often it was stopped and continued.

    Args:
        images: the image set or its folder.
        out: the store's folder; where a preparation with the same settings left it, what is finished is kept.
        spec: illumination, segmentation, crops.
        plates: those to prepare; all that are here where None.
        name: of the data set on boards; the folder's name where None.
        source: where the images come from, and under what licence.
        illumination: a store whose illumination functions are used again, plate by plate; estimated here where None.
        workers: processes on this machine.
        scheduler: address of a Dask scheduler, whose workers see both folders.
        strict: fail on the first faulty image; otherwise faulty images are listed and their fields left out.
        progress: show progress on stderr.

    Raises:
        CytoBenchError: where nothing can be prepared, or the store was begun with other settings.
    """
    spec, out = spec or PreparationSpec(), Path(out)
    image_set = images if isinstance(images, ImageSet) else ImageSet.read(images)
    chosen = image_set.choose(plates)
    make_segmenter(spec.segmentation)  # what it needs is here, before anything is begun
    _refuse_small_fields(image_set, chosen[0], spec)
    facts = _facts(image_set, spec, name or out.name, source, illumination)
    with _alone(out), _told_of_a_full_disk(out), cores_or_cluster(workers, scheduler):
        store = GrowingStore(out, facts)
        waiting = [plate for plate in chosen if plate not in store.plates]
        surveys = dict(_surveys(store, image_set, waiting, spec, strict, progress))
        if illumination is not None:
            surveys = {plate: (found, store.take_light(plate, Path(illumination))) for plate, (found, _) in surveys.items()}
        _fill(store, image_set, surveys, spec, progress)
        return store.end()


def _facts(
    image_set: ImageSet, spec: PreparationSpec, name: str, source: str | None, illumination: str | Path | None
) -> StoreFacts:
    check_names(name, image_set.channels)
    provenance = {
        "source": image_set.source if source is None else source,
        "image_table_sha256": image_set.table_sha256,
        "preparation": spec.model_dump_json(),
        "illumination": f"taken from {Path(illumination).name}" if illumination else "",
        "made_with": ", ".join(f"{package} {version(package)}" for package in ("cytobench", "scikit-image", "scipy")),
    }
    return StoreFacts(name=name, channels=image_set.channels, simulated=image_set.simulated, provenance=provenance)


def _refuse_small_fields(image_set: ImageSet, plate: str, spec: PreparationSpec) -> None:
    """Say at once, by the first image that can be read, that no crop fits into a field."""
    for image in (image for field in image_set.fields(plate) for image in field.images):
        try:
            height, width = image.read().shape
        except ImageError:
            continue
        if min(height, width) < spec.crop_size:
            raise CytoBenchError(
                f"{image}: is {width} x {height} px, smaller than a crop of {spec.crop_size} px; set a smaller crop size"
            )
        return


def _surveys(
    store: GrowingStore, image_set: ImageSet, plates: Sequence[str], spec: PreparationSpec, strict: bool, progress: bool
) -> Iterator[tuple[str, tuple[PlateSurvey, np.ndarray | None]]]:
    """Look at every plate that no earlier preparation has looked at."""
    fields = {plate: image_set.fields(plate) for plate in plates if store.known_survey(plate) is None}
    chunks = [chunk for listed in fields.values() for chunk in _chunks(listed, LOOK_FIELDS)]
    dtype = store.dtype
    with progress_bar(sum(map(len, fields.values())), "look at images", "field", shown=progress) as bar:
        looked = _fields_of(run_tasks(partial(look, spec=spec.illumination), chunks), bar)
        for plate in plates:
            known = store.known_survey(plate)
            if known is None:
                seen = list(islice(looked, len(fields[plate])))
                known = survey(image_set.folder, plate, fields[plate], seen, image_set.channels, spec.illumination, dtype)
                store.keep_survey(*known)
            found = known[0]
            if strict and found.faults:
                first = found.faults[0]
                raise CytoBenchError(
                    f"{image_set.folder / first.image}: {first.problem} ({len(found.faults)} faulty images on {plate})"
                )
            dtype = dtype or found.dtype
            yield plate, known


def _fill(
    store: GrowingStore,
    image_set: ImageSet,
    surveys: dict[str, tuple[PlateSurvey, np.ndarray | None]],
    spec: PreparationSpec,
    progress: bool,
) -> None:
    """Make the parts of all plates, and add each plate when its last part is there."""
    tasks = {plate: _part_tasks(store.path, image_set, *surveyed, spec) for plate, surveyed in surveys.items()}
    waiting = [task for listed in tasks.values() for task in listed if not task.finished]
    names = {task.name for task in waiting}
    pending = list(surveys)
    with progress_bar(sum(len(task.fields) for task in waiting), "cut cells", "field", shown=progress) as bar:
        done = run_tasks(make_part, waiting)
        for plate, listed in tasks.items():
            for task in listed:
                if task.name in names:
                    bar.update(next(done))
            pending.remove(plate)
            store.add(surveys[plate][0], listed, pending)


def _part_tasks(
    store: Path, image_set: ImageSet, surveyed: PlateSurvey, light: np.ndarray | None, spec: PreparationSpec
) -> list[PartTask]:
    if surveyed.shape is None or surveyed.dtype is None:
        return []
    usable = surveyed.usable(image_set.fields(surveyed.plate))
    chunks = _chunks(usable, spec.fields_per_part)
    example = next((field for field in usable if field.compound == "DMSO"), next(iter(usable), None))
    return [
        PartTask(
            store=store,
            name=f"{surveyed.plate}-{number:03d}",
            fields=tuple(fields),
            shape=surveyed.shape,
            dtype=surveyed.dtype,
            channels=image_set.channels,
            light=light,
            spec=spec,
            example=example if example in fields else None,
        )
        for number, fields in enumerate(chunks)
    ]


def _fields_of(chunks: Iterator[list[tuple[Looked, ...]]], bar: tqdm) -> Iterator[tuple[Looked, ...]]:
    for chunk in chunks:
        bar.update(len(chunk))
        yield from chunk


def _chunks(fields: Sequence[FieldOfView], size: int) -> list[Sequence[FieldOfView]]:
    return [fields[start : start + size] for start in range(0, len(fields), size)]


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep other preparations of the same store away."""
    lock = out.parent / f".{out.name}.lock"
    with locked(lock, str(out)):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def _told_of_a_full_disk(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise CytoBenchError(
            f"{out}: the disk is full ({error.strerror}); free some space and run the same command again: "
            "finished parts are kept, and the plates that are complete can be read"
        ) from None
