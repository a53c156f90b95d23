"""The embedded data set: drawn fields of view, prepared as real ones are, give the cells of the whole screen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cytobench.datasets import embedded
from cytobench.datasets.opening import open_dataset
from cytobench.datasets.store import CellStore


@pytest.fixture(scope="module")
def store() -> CellStore:
    return open_dataset("simulated")


@pytest.fixture(scope="module")
def wells(store) -> pd.DataFrame:
    return store.cells.groupby(["plate", "well", "compound", "concentration"]).size().rename("cells").reset_index()


def test_the_manifest_says_that_it_is_simulated(store):
    manifest = store.manifest
    assert manifest.simulated
    assert manifest.all_cells_counted
    assert manifest.name == "simulated"
    assert manifest.channels == ("DAPI", "Tubulin", "Actin")
    assert "not photographed" in manifest.provenance["source"]
    store.verify()


def test_the_table_holds_only_what_a_real_screen_knows(store):
    known = ["plate", "well", "site", "replicate", "compound", "concentration", "x", "y", "nucleus_area", "cell_area"]
    measured = [f"{what}_{channel}" for channel in store.channels for what in ("focus", "saturation", "smoothness")]
    assert list(store.cells) == [*known, *measured, "flagged"]


def test_all_treatments_are_there_as_the_protocol_wants_them(wells):
    treated = wells[wells["compound"] != "DMSO"]
    assert treated.groupby(["compound", "concentration"])["plate"].nunique().between(2, 3).all()
    assert len(treated[["compound", "concentration"]].drop_duplicates()) == 103
    taxol = treated[(treated["compound"] == "taxol") & (treated["concentration"] == 0.3)]
    assert set(taxol["well"]) == {"D05"}
    assert set(taxol["plate"]) == {"Week1_22123", "Week1_22141", "Week1_22161"}
    assert wells[wells["compound"] == "DMSO"].groupby("plate").size().between(4, 6).all()


def test_wells_hold_about_a_dozen_cells(store, wells):
    assert 5_000 < len(store) < 8_000
    assert wells.cells.min() >= 1
    assert 10 < wells.cells.mean() < 17


def test_images_keep_the_camera_s_scale(store):
    images = store.images(np.arange(0, len(store), 10))
    assert images.shape[1:] == (3, 64, 64)
    assert images.dtype == np.uint16
    assert images.min() > 0
    assert (images == 4095 * 16).mean() < 1e-3
    assert (images.max(axis=(2, 3)) > 3 * np.median(images, axis=(2, 3))).mean() > 0.3


def test_masks_mark_the_centred_cell_with_its_nucleus_in_the_middle(store):
    masks = store.masks(np.arange(len(store)))
    assert set(np.unique(masks)) == {0, 1, 2}
    assert (masks[:, 31:33, 31:33] == 2).mean() > 0.98  # a lobed nucleus may not reach its own centre
    pixel = np.arange(64) - 32
    nucleus = masks == 2
    for axis in (1, 2):
        centre = (nucleus.sum(axis=3 - axis) * pixel).sum(axis=1) / nucleus.sum(axis=(1, 2))
        assert np.abs(centre).max() <= 0.5 + 1e-6
    assert (nucleus.sum(axis=(1, 2)) < (masks > 0).sum(axis=(1, 2))).mean() > 0.99


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


def test_a_second_call_makes_nothing_again(store, monkeypatch):
    monkeypatch.setattr(embedded, "_make", lambda path: pytest.fail(f"made {path} again"))
    assert open_dataset("simulated").identity == store.identity


def test_nothing_but_the_store_is_kept(store):
    assert {file.suffix for file in store.path.parent.glob("simulated-*")} <= {"", ".lock"}
