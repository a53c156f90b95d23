"""The second pass over an image set: the fields of every plate become parts of the store."""

from __future__ import annotations

from pathlib import Path

from cytobench.datasets.image_set import ImageSet
from cytobench.datasets.layout import CONTROL
from cytobench.datasets.preparation.growing_store import GrowingStore
from cytobench.datasets.preparation.looking import Surveyed
from cytobench.datasets.preparation.making import make_part
from cytobench.datasets.preparation.part import PartTask
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.progress import progress_bar
from cytobench.workers import chunks_of, run_tasks


def cut_plates(
    store: GrowingStore,
    image_set: ImageSet,
    surveys: dict[str, Surveyed],
    spec: PreparationSpec,
    *,
    coordinator: int | None,
    progress: bool,
) -> None:
    """Make the parts of all plates, and add each plate when its last part is there.

    Args:
        store: that is being made.
        image_set: the fields.
        surveys: what is known of each plate.
        spec: how.
        coordinator: this process's number where the workers are its own; None on a cluster.
        progress: show it.
    """
    tasks = {plate: _part_tasks(store.path, image_set, surveyed, spec, coordinator) for plate, surveyed in surveys.items()}
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
    store: Path, image_set: ImageSet, surveyed: Surveyed, spec: PreparationSpec, coordinator: int | None
) -> list[PartTask]:
    found, light = surveyed
    if found.shape is None or found.dtype is None:
        return []
    every = image_set.fields(found.plate)
    usable = found.usable(every)
    chunks = [found.usable(chunk) for chunk in chunks_of(every, spec.fields_per_part)]  # a new fault moves no other field
    example = next((field for field in usable if field.compound == CONTROL), next(iter(usable), None))
    return [
        PartTask(
            store=store,
            name=f"{found.plate}-{number:03d}",
            fields=tuple(fields),
            shape=found.shape,
            dtype=found.dtype,
            channels=image_set.channels,
            light=light,
            spec=spec,
            example=example if example in fields else None,
            coordinator=coordinator,
        )
        for number, fields in enumerate(chunks)
    ]
