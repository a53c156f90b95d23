"""The page: everything that is known of a store, in the order in which a person checks it."""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from cytobench.datasets.preparation.survey import Fault
from cytobench.datasets.report.concerns import Concern, concerns
from cytobench.datasets.report.counts import Counts, count
from cytobench.datasets.report.crops import PERCENTILES, Treatments, draw_treatments
from cytobench.datasets.report.distributions import draw_distributions
from cytobench.datasets.report.examples import copy_examples
from cytobench.datasets.report.folder import INDEX, replacing_report
from cytobench.datasets.report.light import Light, draw_light
from cytobench.datasets.report.pictures import Picture
from cytobench.datasets.report.plate_maps import PlateMaps, cell_maps, focus_maps
from cytobench.datasets.report.screen import Screen, read_screen
from cytobench.datasets.store import CellStore
from cytobench.schema import Record

FAULTS_SHOWN = 200
"""Faulty images listed on the page; the store's tables list all."""

COLOUR_NAMES = ("blue", "green", "red")
"""In which a picture shows the first three channels."""


class Page(Record):
    """All that the template shows."""

    name: str
    simulated: bool
    plates: tuple[str, ...]
    channels: tuple[str, ...]
    size: str
    sampled: bool
    """Whether the store holds a part of each well's cells only."""
    counts: Counts
    concerns: tuple[Concern, ...]
    examples: tuple[Picture, ...]
    light: Light | None
    cells: PlateMaps | None
    focus: PlateMaps | None
    treatments: Treatments
    faults: tuple[Fault, ...]
    distributions: tuple[Picture, ...]
    provenance: dict[str, str]


def write_report(store: CellStore, out: str | Path) -> Path:
    """Write the report of a store.

    Args:
        store: the cells; also one that was imported, or whose preparation has not ended.
        out: the folder to make; an older report there is replaced.

    Returns:
        The page, ``index.html``, in that folder. Equal stores have equal reports.

    Raises:
        CytoBenchError: where ``out`` holds anything but a report, or a file of the store is damaged.
    """
    screen = read_screen(store)
    with replacing_report(Path(out)) as folder:
        (folder / INDEX).write_text(_rendered(_page(screen, folder)), encoding="utf-8")
    return Path(out) / INDEX


def _page(screen: Screen, folder: Path) -> Page:
    """Count everything, and draw the pictures into the folder."""
    store, counts = screen.store, count(screen)
    height, width = store.manifest.shape[1:]
    return Page(
        name=store.name,
        simulated=store.simulated,
        plates=screen.plates,
        channels=store.channels,
        size=f"{height} × {width} px, {store.manifest.dtype}, {'with' if store.has_masks else 'no'} masks",
        sampled=not store.all_cells_counted,
        counts=counts,
        concerns=concerns(screen, counts),
        examples=copy_examples(screen, folder),
        light=draw_light(screen, folder),
        cells=cell_maps(screen),
        focus=focus_maps(screen),
        treatments=draw_treatments(screen, folder),
        faults=tuple(Fault.model_validate(row) for row in screen.faults.head(FAULTS_SHOWN).to_dict("records")),
        distributions=draw_distributions(screen, folder),
        provenance=_provenance(store),
    )


def _provenance(store: CellStore) -> dict[str, str]:
    """Return where the store comes from and how it was made, settings in lines of their own."""
    said = {key: _readable(value) for key, value in store.manifest.provenance.items() if value}
    return {**said, "identity": store.identity, "report": f"cytobench {version('cytobench')}"}


def _readable(value: str) -> str:
    try:
        return json.dumps(json.loads(value), indent=2, ensure_ascii=False) if value.startswith("{") else value
    except ValueError:
        return value


def _rendered(page: Page) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("cytobench.datasets.report") / "template.html").read_text(encoding="utf-8"))
    coloured = [f"{colour} for {channel}" for channel, colour in zip(page.channels, COLOUR_NAMES, strict=False)]
    return template.render(page=page, coloured=coloured, percentiles=PERCENTILES)
