"""A compound at rising concentrations: real cells, and what a model decodes from the mean of their codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.captions import caption, flagged_text
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.pictures import composites
from cytobench.phenotypes.sheets import Panel, sheet, zoom_for
from cytobench.schema import Record

MOST = 2000
"""Cells whose codes are averaged, drawn by the seed where a dose has more."""

WIDTH = 720


class Dose(Record):
    """One concentration."""

    name: str
    """``DMSO`` or ``taxol@0.3`` (micromolar)."""
    cells: int
    """How many the store has."""
    averaged: int
    """How many codes the mean is of."""
    shown: tuple[int, ...]
    """Rows of the cells in the picture."""


class DosesRecord(Record):
    """A compound's doses, for programs."""

    schema_version: Literal[1] = 1
    model: str
    title: str
    seen: str
    seed: int
    compound: str
    doses: tuple[Dose, ...]
    """The control, then rising concentrations."""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class DoseSeries:
    """What was read and decoded."""

    model: Model
    record: DosesRecord
    decoded: np.ndarray
    """(doses, C, H, W): the decoding of each dose's mean code."""


def dose_series(model: Model, cohorts: Cohorts, compound: str, seed: int, shown: int = 4) -> DoseSeries:
    """Average the codes of a compound's cells at each concentration, the control before them, and decode the means.

    A conditional model is told the treatment of each dose.

    Args:
        model: inverts.
        cohorts: of its store.
        compound: a compound of the store.
        seed: of the choice of cells.
        shown: cells of each dose in the picture.

    Raises:
        CytoBenchError: where ``compound`` names none.
    """
    name = cohorts.named(compound)
    _check_compound(cohorts, name)
    names = [*([cohorts.control] if len(cohorts.controls) else []), *cohorts.compounds[name]]
    doses, codes = [], []
    for dose in names:
        drawn = np.random.default_rng(seed).permutation(cohorts.rows(dose))
        codes.append(model.encode(np.sort(drawn[:MOST])).astype(np.float64).mean(axis=0))
        doses.append(Dose(name=dose, cells=len(drawn), averaged=min(len(drawn), MOST), shown=tuple(drawn[:shown].tolist())))
    decoded = model.decode(np.stack(codes), np.array([dose.shown[0] for dose in doses]))
    record = DosesRecord(model=model.name, title=model.title, seen=model.seen, seed=seed, compound=name, doses=tuple(doses))
    return DoseSeries(model, record, decoded)


def _check_compound(cohorts: Cohorts, name: str) -> None:
    if name in cohorts.compounds:
        return
    if name in cohorts.treatments:
        raise CytoBenchError(f"--doses takes a compound, and {name} is one dose; did you mean {name.rpartition('@')[0]!r}?")
    why = "has no doses" if name == cohorts.control else "is none"
    raise CytoBenchError(f"--doses takes a compound, and {name} {why}; give one such as {next(iter(cohorts.compounds))!r}")


def dose_sheet(made: DoseSeries) -> np.ndarray:
    """Draw cells of each dose above the decoding of their mean code, a column a dose: (H, W, 3) uint8."""
    model, doses = made.model, made.record.doses
    zoom = zoom_for(model.size, len(doses), WIDTH)
    most = max(len(dose.shown) for dose in doses)
    cells = np.zeros((most, len(doses), model.size, model.size, 3), np.uint8)
    for column, dose in enumerate(doses):
        cells[: len(dose.shown), column] = composites(model.real(np.array(dose.shown)), model.channels)
    empty = tuple(row * len(doses) + column for column, dose in enumerate(doses) for row in range(len(dose.shown), most))
    labels = tuple(_label(dose) for dose in doses)
    above = Panel(f"{model.kind} cells", cells.reshape(-1, *cells.shape[2:]), len(doses), (), labels, zoom, empty)
    decoded = composites(made.decoded, model.channels)
    below = Panel("decoded from the mean code of all cells of the dose", decoded, len(doses), (), labels, zoom)
    averaged = f"Codes of at most {MOST:,} cells a dose are averaged. " if any(dose.cells > MOST for dose in doses) else ""
    noise = flagged_text(model, np.array([row for dose in doses for row in dose.shown]))
    text = f"{averaged}Cells drawn at random by seed {made.record.seed}.{noise} {caption(model, zoom)}"
    return sheet(f"{model.title}: {made.record.compound}", [[above], [below]], text)


def _label(dose: Dose) -> str:
    _, at, concentration = dose.name.rpartition("@")
    return f"{concentration + ' µM' if at else dose.name}\n{dose.cells:,} cell{'s' if dose.cells != 1 else ''}"
