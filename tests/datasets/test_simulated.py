"""The simulated screen: the same bytes by seed, BBBC021's layout, cells that look like cells, and batch effects."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytobench.datasets.simulated import CHANNELS, plate_map, read_parameters, simulate
from cytobench.datasets.simulated.parameters import STATES, ScreenParameters
from cytobench.datasets.simulated.phenotypes import draw_cells, generator, well_effects
from cytobench.datasets.simulated.screen import treatments
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.schema import read_yaml, validate

PINNED_PLATES = ["Week1_22123", "Week1_22141", "Week1_22161"]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> CellStore:
    return simulate(tmp_path_factory.mktemp("simulated") / "store")


@pytest.fixture(scope="module")
def wells(store) -> pd.DataFrame:
    return store.cells.groupby(["plate", "well", "replicate", "compound", "concentration"]).size().rename("cells").reset_index()


@pytest.fixture(scope="module")
def plain() -> dict:
    return read_yaml(Path(str(files("cytobench.datasets.simulated") / "screen.yaml")))


def few_cells() -> ScreenParameters:
    return read_parameters().model_copy(update={"cells_per_well": 1.0, "fewest_cells": 1, "plates_per_week": 1})


def test_a_seed_and_parameters_fix_every_byte(tmp_path):
    parameters = few_cells()
    first, again, other = (
        simulate(tmp_path / name, seed=seed, parameters=parameters) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first.identity == again.identity
    assert first.identity != other.identity
    assert (first.path / "images-00000.npy").read_bytes() == (again.path / "images-00000.npy").read_bytes()


def test_a_plate_is_the_same_whatever_other_plates_there_are(tmp_path):
    parameters = few_cells()
    one = simulate(tmp_path / "one", parameters=parameters)
    two = simulate(tmp_path / "two", parameters=parameters.model_copy(update={"plates_per_week": 2}))
    rows = [np.flatnonzero(found.cells.plate == "Week9_00001") for found in (one, two)]
    np.testing.assert_array_equal(one.images(rows[0]), two.images(rows[1]))


def test_the_manifest_says_that_it_is_simulated(store):
    manifest = store.manifest
    assert manifest.simulated
    assert manifest.all_cells_counted
    assert manifest.name == "simulated"
    assert manifest.channels == CHANNELS
    assert manifest.provenance["seed"] == "0"
    assert manifest.provenance["parameters_sha256"] == read_parameters().sha256


def test_the_table_holds_only_what_a_real_screen_knows(store):
    assert list(store.cells) == ["plate", "well", "site", "replicate", "compound", "concentration", "x", "y"]
    assert store.cells.x.between(0, 1280).all()
    assert store.cells.y.between(0, 1024).all()


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


def test_wells_hold_about_a_dozen_cells_and_never_fewer_than_three(store, wells):
    assert 5_000 < len(store) < 7_000
    assert wells.cells.min() >= 3
    assert 10 < wells.cells.mean() < 16


def test_images_are_twelve_bit_counts_times_sixteen(store):
    images = store.images(np.arange(0, len(store), 10))
    assert images.shape[1:] == (3, 64, 64)
    assert images.dtype == np.uint16
    assert (images % 16 == 0).all()
    assert images.min() > 0
    assert (images == 4095 * 16).mean() < 1e-3
    assert (images.max(axis=(2, 3)) > 3 * np.median(images, axis=(2, 3))).mean() > 0.3


def test_masks_mark_the_centred_cell_with_its_nucleus_in_the_middle(store):
    masks = store.masks(np.arange(len(store)))
    assert set(np.unique(masks)) == {0, 1, 2}
    assert (masks[:, 31:33, 31:33] == 2).all()
    pixel = np.arange(64) - 31.5
    nucleus = masks == 2
    for axis in (1, 2):
        centre = (nucleus.sum(axis=3 - axis) * pixel).sum(axis=1) / nucleus.sum(axis=(1, 2))
        assert np.abs(centre).max() < 6
        assert np.abs(centre).mean() < 1
    assert (nucleus.sum(axis=(1, 2)) < (masks > 0).sum(axis=(1, 2))).all()


def test_the_nucleus_is_where_dna_is_bright(store):
    rows = np.arange(0, len(store), 10)
    dna, masks = store.images(rows)[:, 0].astype(float), store.masks(rows)
    inside = np.array([image[mask == 2].mean() for image, mask in zip(dna, masks, strict=True)])
    cytoplasm = np.array([image[mask == 1].mean() for image, mask in zip(dna, masks, strict=True)])
    assert (inside > 1.5 * cytoplasm).mean() > 0.95


def test_control_wells_differ_between_weeks_more_than_within(store):
    control = np.flatnonzero(store.cells.compound == "DMSO")
    means = pd.DataFrame(store.images(control).mean(axis=(2, 3))).assign(
        **store.cells.iloc[control][["plate", "well"]].reset_index()
    )
    by_well = means.groupby(["plate", "well"])[[0, 1, 2]].mean()
    by_plate = by_well.groupby("plate")
    week = by_plate.mean().index.str.split("_").str[0]
    assert (by_plate.mean().groupby(week).mean().std() > by_plate.std().mean()).all()


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


def test_progress_counts_plates(tmp_path):
    seen = []
    simulate(tmp_path / "store", parameters=few_cells(), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(plate, 10) for plate in range(1, 11)]


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
