"""The plate map of the simulated screen: BBBC021's treatments, weeks and control wells."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

from cytobench.datasets.simulated.parameters import ScreenParameters
from cytobench.errors import CytoBenchError, nearest

TREATED_WELLS = tuple(f"{row}{column:02d}" for row in "BCDEFG" for column in range(3, 11))
"""Positions for treatments on a 96-well plate: B03 to G10, away from the edge."""


def treatments() -> pd.DataFrame:
    """The 103 labelled treatments of BBBC021 (Ljosa et al. 2012): compound, concentration (uM), moa."""
    table = files("cytobench_benchmarks") / "bbbc021_moa" / "treatments.csv"
    with table.open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype={"concentration": float})


def plate_map(parameters: ScreenParameters) -> pd.DataFrame:
    """Every well of the screen.

    Returns:
        One row a well, plate by plate: plate, week, replicate, well, compound, concentration (uM; 0 for DMSO), and moa, which
        the drawing needs and the store must not have.
    """
    known = treatments()
    for key, names in (("phenotypes", known.moa), ("weeks", known.compound)):
        for name in getattr(parameters, key):
            if name not in set(names):
                raise CytoBenchError(f"{key}: {name!r} is not in the screen{nearest(name, names.unique())}")
    table = known.assign(week=lambda found: found.compound.map(parameters.week_of))
    weeks = sorted(table.week.unique(), key=lambda week: int(week.removeprefix("Week")))
    return pd.concat([_week_of_plates(table[table.week == week], week, parameters) for week in weeks], ignore_index=True)


def _week_of_plates(table: pd.DataFrame, week: str, parameters: ScreenParameters) -> pd.DataFrame:
    """The plates of one week: replicates with the same treatments in the same positions."""
    controls = pd.DataFrame({"well": parameters.control_wells}).assign(compound="DMSO", concentration=0.0, moa="DMSO", week=week)
    ordered = table.sort_values(["compound", "concentration"], ascending=[True, False])
    wells = pd.concat([ordered.assign(well=_positions(ordered, parameters)), controls]).sort_values("well")
    plates = [
        wells.assign(plate=_plate_name(week, replicate, parameters), replicate=replicate)
        for replicate in range(1, parameters.plates_per_week + 1)
    ]
    return pd.concat(plates)[["plate", "week", "replicate", "well", "compound", "concentration", "moa"]]


def _positions(table: pd.DataFrame, parameters: ScreenParameters) -> list[str]:
    """A well for each treatment: the pinned one, else the next free one."""
    pinned = [parameters.pinned_wells.get(f"{row.compound} {row.concentration:g}") for row in table.itertuples()]
    free = [well for well in TREATED_WELLS if well not in {*pinned, *parameters.control_wells}]
    if pinned.count(None) > len(free):
        raise CytoBenchError(
            f"weeks: {table.week.iloc[0]} has {len(table)} treatments, more than the wells of a plate; spread its compounds"
        )
    following = iter(free)
    return [well or next(following) for well in pinned]


def _plate_name(week: str, replicate: int, parameters: ScreenParameters) -> str:
    """The protocol's name where it pins a well on this plate, else a number that is evidently synthetic."""
    pinned = [plate for plate in parameters.pinned_plates if plate.startswith(f"{week}_")]
    return pinned[replicate - 1] if len(pinned) >= replicate else f"{week}_{replicate:05d}"
