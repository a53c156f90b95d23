"""The first pass over an image set: every plate is looked at, so that its light and its faults are known before a cell is cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

import numpy as np
from tqdm import tqdm

from cytobench.datasets.image_set import ImageSet
from cytobench.datasets.preparation.growing_store import GrowingStore
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.datasets.preparation.survey import Looked, PlateSurvey, look, survey
from cytobench.errors import CytoBenchError
from cytobench.progress import progress_bar
from cytobench.workers import chunks_of, run_tasks

LOOK_FIELDS = 4
"""Fields that one task of the survey reads."""

Surveyed = tuple[PlateSurvey, np.ndarray | None]
"""What a plate's images are like, and its illumination functions."""


def look_at_plates(
    store: GrowingStore,
    image_set: ImageSet,
    plates: Sequence[str],
    spec: PreparationSpec,
    *,
    lights: Mapping[str, np.ndarray] | None,
    strict: bool,
    progress: bool,
) -> Iterator[tuple[str, Surveyed]]:
    """Yield what is known of each plate, once every image was read that no earlier preparation has read.

    Args:
        store: that is being made.
        image_set: the fields.
        plates: their names.
        spec: how.
        lights: illumination functions to use; estimated where None.
        strict: fail on the first faulty image.
        progress: show it.
    """
    before = {plate: store.known_survey(plate) for plate in plates}
    fields = {plate: image_set.fields(plate) for plate in plates if before[plate] is None}
    chunks = [chunk for listed in fields.values() for chunk in chunks_of(listed, LOOK_FIELDS)]
    dtype = store.dtype
    with progress_bar(sum(map(len, fields.values())), "look at images", "field", shown=progress) as bar:
        looked = _fields_of(run_tasks(partial(look, spec=spec.illumination), chunks), bar)
        for plate in plates:
            known = before[plate]
            if known is None:
                seen = list(islice(looked, len(fields[plate])))
                found, light = survey(image_set.folder, plate, fields[plate], seen, image_set.channels, spec, dtype)
                known = (found, lights[plate] if lights else light)
                store.keep_survey(*known)
            found = known[0]
            if strict and found.faults:
                first = found.faults[0]
                raise CytoBenchError(
                    f"{image_set.folder / first.image}: {first.problem} ({len(found.faults)} faulty images on {plate})"
                )
            dtype = dtype or found.dtype
            yield plate, known


def _fields_of(chunks: Iterator[list[tuple[Looked, ...]]], bar: tqdm) -> Iterator[tuple[Looked, ...]]:
    for chunk in chunks:
        bar.update(len(chunk))
        yield from chunk
