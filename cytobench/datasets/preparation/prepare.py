"""``prepare``: fields of view -> cell store, plate by plate, on many cores, to be continued wherever it was stopped."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from cytobench.datasets.image_set import ImageSet
from cytobench.datasets.preparation.cutting import cut_plates
from cytobench.datasets.preparation.facts import StoreFacts
from cytobench.datasets.preparation.growing_store import GrowingStore
from cytobench.datasets.preparation.looking import look_at_plates
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.datasets.preparation.workers import cores_or_cluster
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import check_names
from cytobench.errors import CytoBenchError
from cytobench.files import locked
from cytobench.imaging.segmentation import make_segmenter
from cytobench.imaging.tiff import ImageError

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
    facts = _facts(image_set, spec, name or out.name, source, illumination)
    with _alone(out), _told_of_a_full_disk(out), cores_or_cluster(workers, scheduler):
        store = GrowingStore(out, facts)
        waiting = [plate for plate in chosen if plate not in store.plates]
        surveys = dict(look_at_plates(store, image_set, waiting, spec, strict, progress))
        if illumination is not None:
            surveys = {plate: (found, store.take_light(plate, Path(illumination))) for plate, (found, _) in surveys.items()}
        cut_plates(store, image_set, surveys, spec, progress)
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
