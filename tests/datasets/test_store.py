"""A store reads back what was written, is the same bytes for the same cells, and says which file is damaged."""

import json

import numpy as np
import pandas as pd
import pytest

from cytobench.datasets import store_writer
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter
from cytobench.errors import CytoBenchError

CHANNELS = ("DNA", "Actin")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(store_writer, "PART_CELLS", 5)


def some_cells(n=23, dtype=np.uint16, size=8):
    """Images (n, 2, size, size + 1), a table and masks."""
    generator = np.random.default_rng(n)
    images = generator.integers(0, np.iinfo(dtype).max, (n, 2, size, size + 1), dtype, endpoint=True)
    table = pd.DataFrame({
        "plate": [f"Week{row % 3}_1" for row in range(n)], "well": [f"B{row % 4:02d}" for row in range(n)],
        "compound": "DMSO", "concentration": 0.0, "x": np.arange(n),
    })  # fmt: skip
    return images, table, generator.integers(0, 3, (n, size, size + 1), np.uint8)


def writing(path, **facts):
    return CellStoreWriter(
        path, **{"name": "s", "channels": CHANNELS, "simulated": False, "all_cells_counted": True, "provenance": {}, **facts}
    )


def write(path, n=23, appends=(23,), masked=True, **kind):
    images, table, masks = some_cells(n, **kind)
    with writing(path) as writer:
        for rows in np.split(np.arange(n), np.cumsum(appends)[:-1]):
            writer.append(images[rows], table.iloc[rows], masks[rows] if masked else None)
    return CellStore(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("appends", [(23,), (1, 2, 20), (5, 5, 13), (7, 16)])
def test_what_was_appended_reads_back(tmp_path, appends, dtype):
    images, table, masks = some_cells(dtype=dtype)
    store = write(tmp_path / "s", appends=appends, dtype=dtype)
    rows = np.arange(23)
    assert (len(store), len(store.manifest.parts), store.images(rows).dtype) == (23, 5, dtype)
    np.testing.assert_array_equal(store.images(rows), images)
    np.testing.assert_array_equal(store.masks(rows), masks)
    pd.testing.assert_frame_equal(store.cells, table)
    store.verify()


@pytest.mark.parametrize("part_cells", [5, 100])
def test_any_rows_in_any_order_are_gathered(tmp_path, monkeypatch, part_cells):
    monkeypatch.setattr(store_writer, "PART_CELLS", part_cells)
    images, _, masks = some_cells()
    store = write(tmp_path / "s")
    for seed in range(20):
        rows = np.random.default_rng(seed).integers(0, 23, seed)
        np.testing.assert_array_equal(store.images(rows), images[rows])
        np.testing.assert_array_equal(store.masks(rows), masks[rows])


def test_equal_cells_give_equal_bytes_however_they_were_appended(tmp_path):
    first, second = write(tmp_path / "a"), write(tmp_path / "b", appends=(2, 9, 12))
    names = sorted(file.name for file in first.path.iterdir())
    assert names == sorted(file.name for file in second.path.iterdir())
    assert len(names) == 12
    assert [name for name in names if (first.path / name).read_bytes() != (second.path / name).read_bytes()] == []


def test_the_identity_is_of_cells_and_not_of_names(tmp_path):
    images, table, _ = some_cells()
    variants = {"same": (images, table), "pixel": (images.copy(), table), "table": (images, table.assign(well="C02"))}
    variants["pixel"][0][7, 0, 0, 0] += 1
    identities = {}
    for name, (pixels, cells) in variants.items():
        with writing(tmp_path / name, name=name, provenance={"source": name}) as writer:
            writer.append(pixels, cells)
        identities[name] = CellStore(tmp_path / name).identity
    assert identities["same"] == write(tmp_path / "again", masked=False).identity
    assert len({*identities.values(), write(tmp_path / "masked").identity}) == 4


def test_wells_and_summary_count_what_is_there(tmp_path):
    store = write(tmp_path / "s")
    assert store.wells()["Metadata_Cells"].sum() == 23
    assert "s: 23 cells of 8 x 9 px, uint16, channels DNA, Actin, with masks\n3 plates, 12 wells, 1 compounds" in store.summary()


def truncate(file):
    file.write_bytes(file.read_bytes()[:-10])


def edit_table(file):
    pd.read_parquet(file).assign(well="C02").to_parquet(file, index=False)


def drop_rows(file):
    pd.read_parquet(file).head(3).to_parquet(file, index=False)


def other_shape(file):
    np.save(file, np.load(file)[:, :, 1:])


def flip_a_bit(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def remove(file):
    file.unlink()


@pytest.mark.parametrize(
    ("name", "harm", "on_reading"),
    [
        ("images-00002.npy", truncate, "missing or truncated"),
        ("images-00002.npy", remove, "missing or truncated"),
        ("images-00002.npy", other_shape, "holds uint16"),
        ("images-00002.npy", flip_a_bit, None),
        ("masks-00004.npy", truncate, "missing or truncated"),
        ("masks-00004.npy", flip_a_bit, None),
        ("cells.parquet", truncate, "damaged"),
        ("cells.parquet", remove, "missing"),
        ("cells.parquet", drop_rows, "damaged"),
        ("cells.parquet", edit_table, "damaged"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_damaged_file_is_named(tmp_path, cli, name, harm, on_reading):
    path = write(tmp_path / "s").path
    harm(path / name)
    store = CellStore(path)
    with pytest.raises(CytoBenchError, match=f"{name}: (missing|damaged).*make the store again$"):
        store.verify()
    assert name in cli("data", "info", "--verify", path).sentence
    if on_reading:
        with pytest.raises(CytoBenchError, match=f"{name}.*{on_reading}"):
            _ = (store.images(np.arange(23)), store.masks(np.arange(23)), store.cells)


def test_a_store_of_another_schema_version_is_refused(tmp_path, cli):
    file = write(tmp_path / "s").path / "store.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema_version": 2}))
    assert "schema version 2, but this CytoBench reads version 1" in cli("data", "info", tmp_path / "s").sentence


def test_a_folder_that_is_no_store_is_refused(tmp_path, cli):
    assert "neither a cell store (it has no store.json) nor a run" in cli("data", "info", tmp_path).sentence
    assert "no file or folder is there" in cli("data", "info", tmp_path / "nowhere").sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dtype": "uint8"}, r"images-00000\.npy: holds uint16 .*, but store\.json says uint8"),
        ({"cells": 24}, "cells.parquet has 23 rows but store.json counts 24 cells"),
        ({"name": "../elsewhere"}, "name: String should match pattern"),
    ],
)
def test_a_manifest_that_lies_is_found(tmp_path, change, sentence):
    file = write(tmp_path / "s").path / "store.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(CytoBenchError, match=sentence):
        CellStore(tmp_path / "s").verify()


def test_all_that_a_method_can_see_is_in_the_identity(tmp_path):
    file = write(tmp_path / "s").path / "store.json"
    before = CellStore(tmp_path / "s").identity
    file.write_text(json.dumps(json.loads(file.read_text()) | {"all_cells_counted": False}))
    assert CellStore(tmp_path / "s").identity != before


def test_masks_asked_of_a_store_without_masks(tmp_path):
    store = write(tmp_path / "s", masked=False)
    assert not store.has_masks
    with pytest.raises(CytoBenchError, match="the store has no masks"):
        store.masks(np.arange(2))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda i, t, m: (i[:, :1], t, m), "images have shape"),
        (lambda i, t, m: (i[0], t, m), "images have shape"),
        (lambda i, t, m: (i.astype(float), t, m), "type float64"),
        (lambda i, t, m: (i, t.drop(columns="plate"), m), "lacks the column 'plate'"),
        (lambda i, t, m: (i, t.head(3), m), "23 images, but 3 table rows"),
        (lambda i, t, m: (i, t, m[:, 1:]), "masks of another shape"),
        (lambda i, t, m: (i, t, None), "as in the first call"),
        (lambda i, t, m: (i.astype(np.uint8), t, m), "as in the first call"),
        (lambda i, t, m: (i[:, :, 1:], t, m[:, 1:]), "as in the first call"),
    ],
)
def test_a_wrong_append_is_refused_and_leaves_nothing(tmp_path, change, sentence):
    good = some_cells()
    with pytest.raises(CytoBenchError, match=sentence), writing(tmp_path / "s") as writer:
        writer.append(*good)
        writer.append(*change(*good))
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(CytoBenchError, match="a store needs at least one cell"), writing(tmp_path / "s"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("channels", [("DNA", "DNA"), ("DNA", "")])
def test_channels_without_names_of_their_own_are_refused(tmp_path, channels):
    with pytest.raises(CytoBenchError, match="channel"), writing(tmp_path / "s", channels=channels) as writer:
        writer.append(*some_cells())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".", ".hidden"])
def test_a_name_that_is_no_folder_name_is_refused(tmp_path, name):
    with pytest.raises(CytoBenchError, match="name"), writing(tmp_path / "s", name=name) as writer:
        writer.append(*some_cells())
    assert list(tmp_path.iterdir()) == []
