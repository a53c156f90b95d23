"""The simulated screen: BBBC021's treatments, weeks and control wells, and what each mechanism does to its cells."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest

from cytobench.datasets.simulated import plate_map, read_parameters
from cytobench.datasets.simulated.parameters import ScreenParameters
from cytobench.datasets.simulated.phenotypes import draw_cells, generator, well_effects
from cytobench.datasets.simulated.screen import treatments
from cytobench.datasets.simulated.traits import STATES
from cytobench.errors import CytoBenchError
from cytobench.schema import read_yaml, validate

PINNED_PLATES = ["Week1_22123", "Week1_22141", "Week1_22161"]


@pytest.fixture(scope="module")
def wells() -> pd.DataFrame:
    return plate_map(read_parameters())


@pytest.fixture(scope="module")
def plain() -> dict:
    return read_yaml(Path(str(files("cytobench.datasets.simulated") / "screen.yaml")))


def test_every_treatment_has_three_wells_on_three_plates_of_one_week(wells):
    treated = wells[wells.compound != "DMSO"].assign(week=lambda found: found.plate.str.split("_").str[0])
    by_treatment = treated.groupby(["compound", "concentration"])
    assert len(by_treatment) == 103
    assert (by_treatment.size() == 3).all()
    assert (by_treatment.plate.nunique() == 3).all()
    assert len(treated[["compound", "concentration", "well"]].drop_duplicates()) == 103
    assert len(treated[["compound", "week"]].drop_duplicates()) == 38
    assert set(map(tuple, treatments()[["compound", "concentration"]].to_numpy())) == set(by_treatment.groups)


def test_taxol_is_where_the_protocol_pins_it(wells):
    taxol = wells[(wells.compound == "taxol") & (wells.concentration == 0.3)]
    assert sorted(taxol.plate) == PINNED_PLATES
    assert set(taxol.well) == {"D05"}


def test_there_are_six_control_wells_on_each_of_thirty_plates(wells):
    controls = wells[wells.compound == "DMSO"]
    assert wells.plate.nunique() == 30
    assert wells.plate.str.split("_").str[0].nunique() == 10
    assert (controls.groupby("plate").well.apply(sorted).map(tuple) == ("B02", "C02", "D02", "E11", "F11", "G11")).all()
    assert not wells.duplicated(["plate", "well"]).any()


def test_two_mechanisms_sit_in_one_week_so_that_nscb_is_over_92_treatments():
    table = treatments().assign(week=lambda found: found.compound.map(read_parameters().week_of))
    weeks = table.groupby("moa").week.unique()
    alone = weeks[weeks.map(len) == 1]
    assert {moa: week[0] for moa, week in alone.items()} == {"Cholesterol-lowering": "Week9", "Kinase inhibitors": "Week7"}
    assert (~table.moa.isin(alone.index)).sum() == 92


def test_a_higher_dose_has_a_stronger_effect_and_dmso_none():
    table = plate_map(read_parameters()).assign(effect=lambda found: well_effects(found, 0, read_parameters()))
    assert (table[table.compound == "DMSO"].effect == 0).all()
    assert table.effect.between(0, 1).all()
    assert table[table.compound == "vincristine"].sort_values("concentration").effect.is_monotonic_increasing
    assert table[(table.compound == "vincristine") & (table.concentration == 0.003)].effect.max() < 0.1


def test_cells_show_the_mechanism():
    parameters = read_parameters().model_copy(update={"cells_per_well": 2_000.0})
    table = pd.DataFrame({"compound": ["DMSO", "AZ138"], "moa": ["DMSO", "Eg5 inhibitors"], "effect": [0.0, 0.9]})
    cells = draw_cells(table, 0, parameters, generator(0, "test"))
    monopolar = (cells.state == STATES.index("monopolar")).groupby(cells.well_row).mean()
    assert monopolar[0] < 0.02
    assert monopolar[1] > 0.2
    assert (cells.well_row == 1).sum() < (cells.well_row == 0).sum()


def test_every_mechanism_has_a_phenotype():
    assert set(read_parameters().phenotypes) == set(treatments().moa)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"cel_per_well": 1}, "cells_per_well"),
        ({"control": {"nucleus_radios": 1.0}}, "nucleus_radius"),
        ({"fewest_cells": 0}, "fewest_cells"),
    ],
)
def test_a_wrong_key_or_value_is_named(plain, change, named):
    for key, value in change.items():
        changed = {**plain, key: {**plain[key], **value} if isinstance(value, dict) else value}
    with pytest.raises(CytoBenchError, match=named):
        validate(ScreenParameters, changed, "screen.yaml")


def test_a_compound_without_a_week_is_named():
    with pytest.raises(CytoBenchError, match="taxol"):
        read_parameters().week_of("taxl")
