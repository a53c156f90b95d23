"""The data set ``simulated``: a screen like BBBC021 with drawn cells, for tests and first steps without a download.

No figure on it says anything about biology; it is marked as simulated wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from cytobench.datasets.layout import SIMULATED
from cytobench.datasets.simulated.image_set import Simulated, image_table, write_tables
from cytobench.datasets.simulated.parameters import ScreenParameters, read_parameters
from cytobench.datasets.simulated.phenotypes import well_effects
from cytobench.datasets.simulated.plates import Truth, draw_plate
from cytobench.datasets.simulated.screen import plate_map
from cytobench.errors import CytoBenchError, nearest
from cytobench.files import creating_folder
from cytobench.schema import dump_json

__all__ = ["ScreenParameters", "Simulated", "plate_map", "read_parameters", "simulate_fields"]


def simulate_fields(
    out: Path,
    *,
    seed: int = 0,
    parameters: ScreenParameters | None = None,
    plates: Sequence[str] | None = None,
    wells: Sequence[str] | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw the simulated screen as fields of view, in BBBC021's layout and with the truth beside it.

    Args:
        out: the folder to make; it must not exist.
        seed: another seed draws other cells, batches and side effects; equal seeds and parameters give equal bytes.
        parameters: by default those of ``screen.yaml``.
        plates: their names, by default all of ``plate_map``; a plate is the same whatever other plates are drawn.
        wells: positions to draw on each plate (``B02``), by default all.
        workers: processes; the bytes do not depend on them.
        progress: called with the plates done and the plates in all.

    Returns:
        ``out``, which holds both tables, one archive of 16-bit TIFFs a plate, ``simulated.json`` and ``truth/``.

    Raises:
        CytoBenchError: if ``out`` exists, or a plate or a well is not in the screen.
    """
    if seed < 0:
        raise CytoBenchError(f"the seed {seed} is negative; give 0 or more")
    parameters = parameters or read_parameters()
    screen = plate_map(parameters)
    screen = screen.assign(effect=well_effects(screen, seed, parameters))
    drawn = screen.plate.isin(_chosen("plate", plates, screen.plate))
    drawn &= screen.well.isin(_chosen("well", wells, screen.well[drawn]))
    maps = [plate for _, plate in screen.groupby("plate", sort=False) if drawn[plate.index].any()]
    with creating_folder(Path(out)) as folder:
        tasks = [delayed(draw_plate)(folder, plate, set(plate.well[drawn[plate.index]]), seed, parameters) for plate in maps]
        truths = []
        for truth in Parallel(n_jobs=workers, return_as="generator")(tasks):
            truths.append(truth)
            if progress:
                progress(len(truths), len(tasks))
        write_tables(folder, image_table(screen, seed, parameters), drawn, screen)
        _write_truth(folder, truths, seed, parameters)
    return Path(out)


def _chosen(what: str, names: Sequence[str] | None, known: pd.Series) -> set[str]:
    """The names that are asked for, by default all that are known."""
    if names is not None and not names:
        raise CytoBenchError(f"no {what} is named; name one, such as {known.iloc[0]!r}, or leave the choice out to draw all")
    for name in names or ():
        if name not in set(known):
            raise CytoBenchError(f"the simulated screen has no {what} {name!r}{nearest(name, known.unique())}")
    return set(known if names is None else names)


def _write_truth(folder: Path, truths: Sequence[Truth], seed: int, parameters: ScreenParameters) -> None:
    """Write what is true of all plates together, and the mark that they are simulated."""
    for name in ("fields", "cells"):
        table = pd.concat([getattr(truth, name) for truth in truths], ignore_index=True)
        table.to_csv(folder / "truth" / f"{name}.csv", index=False, lineterminator="\n")
    mark = Simulated(seed=seed, parameters_sha256=parameters.sha256)
    for path, record in (("truth/parameters.json", parameters), (SIMULATED, mark)):
        (folder / path).write_text(dump_json(record), encoding="utf-8", newline="")
