"""``prepare``: fields of view -> cell store, plate by plate, on many cores, to be continued wherever it was stopped."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from cytobench.datasets.image_set import ImageSet
from cytobench.datasets.preparation.checks import refuse_faults, refuse_other_contents, refuse_other_lights, repaired
from cytobench.datasets.preparation.cutting import cut_plates
from cytobench.datasets.preparation.facts import StoreFacts
from cytobench.datasets.preparation.growing_store import GrowingStore
from cytobench.datasets.preparation.lights import read_lights
from cytobench.datasets.preparation.looking import look_at_plates
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.datasets.profiles import batch_of
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import check_names
from cytobench.errors import CytoBenchError
from cytobench.files import locked
from cytobench.imaging.segmentation import make_segmenter
from cytobench.imaging.tiff import ImageError
from cytobench.progress import note
from cytobench.workers import cores_or_cluster

FIRST_FIELDS = 3
"""Fields that tell the size of the others before all are read."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where nothing more can be written."""


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
    facts = _facts(image_set, spec, out.name if name is None else name, source, illumination)
    _note_plates_without_a_batch(chosen)
    lights = read_lights(Path(illumination), chosen, image_set.channels) if illumination else None
    with _alone(out), _told_of_a_full_disk(out), cores_or_cluster(workers, scheduler) as coordinator:
        store = GrowingStore(out, facts)
        refuse_other_contents(store, image_set.table)
        _note_what_was_repaired(store, image_set.folder)
        if strict:
            refuse_faults(store, chosen)
        if lights:
            refuse_other_lights(store, lights)
        waiting = [plate for plate in chosen if plate not in store.plates]
        surveys = dict(look_at_plates(store, image_set, waiting, spec, lights=lights, strict=strict, progress=progress))
        cut_plates(store, image_set, surveys, spec, coordinator=coordinator, progress=progress)
        return store.end()


def _facts(
    image_set: ImageSet, spec: PreparationSpec, name: str, source: str | None, illumination: str | Path | None
) -> StoreFacts:
    check_names(name, image_set.channels)
    provenance = {
        "source": image_set.source if source is None else source,
        "preparation": spec.model_dump_json(),
        "illumination": f"taken from {Path(illumination).name}" if illumination else "",
        "made_with": ", ".join(f"{package} {version(package)}" for package in ("cytobench", "scikit-image", "scipy")),
    }
    return StoreFacts(name=name, channels=image_set.channels, simulated=image_set.simulated, provenance=provenance)


def _note_plates_without_a_batch(plates: Sequence[str]) -> None:
    """Say before the work, and not after it, that these cells cannot be scored."""
    try:
        batch_of(plates)
    except CytoBenchError as error:
        note(f"{error} (cells can be cut all the same, but 'cytobench run' will refuse them)")


def _note_what_was_repaired(store: GrowingStore, folder: Path) -> None:
    if images := repaired(store, folder):
        note(
            f"{images[0]} (one of {len(images)}) was faulty when its plate was added, and can be read now; "
            "the plate stays as it is: prepare into a new folder to take the image in"
        )


def _refuse_small_fields(image_set: ImageSet, plate: str, spec: PreparationSpec) -> None:
    """Say at once, by the first fields of a plate, that no crop fits into them; a single small image is a fault of its own."""
    sizes: Counter[tuple[int, ...]] = Counter()
    for image in (image for field in image_set.fields(plate)[:FIRST_FIELDS] for image in field.images):
        with suppress(ImageError):
            sizes[image.read().shape] += 1
    if sizes and min(size := sizes.most_common(1)[0][0]) < spec.crop_size:
        raise CytoBenchError(
            f"{plate}: its fields are {size[1]} x {size[0]} px, smaller than a crop of {spec.crop_size} px; "
            "set a smaller crop size"
        )


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep other preparations of the same store away."""
    lock = out.parent / f".{out.name}.lock"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise CytoBenchError(f"{out}: cannot be written there ({error.strerror}); choose another place") from None
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
