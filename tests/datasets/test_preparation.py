"""An image set becomes the same store however it is made; faulty images are listed and left out."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from small_fields import SIZE, WELLS, write_fields

from cytobench import workers
from cytobench.datasets.preparation import cutting, growing_store
from cytobench.datasets.preparation.growing_store import GrowingStore
from cytobench.datasets.preparation.making import make_part
from cytobench.datasets.preparation.prepare import prepare
from cytobench.datasets.preparation.spec import PreparationSpec, read_spec
from cytobench.datasets.simulated import simulate_fields
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.imaging.illumination import enlarged

SPEC = PreparationSpec(crop_size=40, fields_per_part=4)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    return write_fields(tmp_path_factory.mktemp("set") / "images")


@pytest.fixture(scope="module")
def store(images, tmp_path_factory) -> CellStore:
    return make(images, tmp_path_factory.mktemp("whole") / "store")


def make(images, out, spec=SPEC, **options) -> CellStore:
    return prepare(images, out, spec, progress=False, **options)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, however deep, and its bytes."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_every_cell_of_every_well_is_cut_around_its_nucleus(store):
    cells = store.cells
    assert {tuple(key) for key in cells[["plate", "well"]].drop_duplicates().to_numpy()} == {
        (plate, well) for plate in ("Week1_1", "Week2_1") for well in WELLS
    }
    assert store.channels == ("DNA", "Actin")
    assert store.manifest.shape == (2, 40, 40)
    assert len(store) > 12 * 4
    crops, masks = store.images(np.arange(len(store))), store.masks(np.arange(len(store)))
    assert (masks[:, 19:21, 19:21] == 2).all()
    assert (crops[:, 0, 20, 20] > 4000).all()
    assert ((masks > 0).sum(axis=(1, 2)) <= cells["cell_area"]).all()
    assert (cells["cell_area"] > cells["nucleus_area"]).all()
    assert cells["nucleus_area"].between(150, 400).all()
    store.verify()


def test_crops_are_the_corrected_field_in_the_camera_s_own_counts(images, store):
    cell = store.cells.iloc[5]
    name = f"{cell.plate}/{cell.well}_s{cell.site}_Actin.tif"
    light = enlarged(np.load(store.path / f"illumination-{cell.plate}.npy")[1], SIZE)
    corrected = tifffile.imread(images / name) / light
    row, column = round(float(cell.y)) - 20, round(float(cell.x)) - 20
    expected = np.rint(corrected[row : row + 40, column : column + 40])
    np.testing.assert_array_equal(store.images(np.array([5]))[0, 1], expected)


def test_cells_near_the_border_are_dropped_and_counted(store):
    fields = pd.concat([pd.read_csv(file) for file in store.path.glob("fields-*.csv")])
    assert len(fields) == 12
    assert (fields["found"] == 7).mean() > 0.9
    assert (fields["found"] == fields["at_border"] + fields["cells"]).all()
    assert fields["cells"].sum() == len(store)
    assert fields["at_border"].sum() > 0
    assert store.cells["x"].between(19.5, SIZE[1] - 19.5).all()
    assert fields["fault"].isna().all()


def test_two_processes_make_the_same_bytes_as_one(images, store, tmp_path):
    again = make(images, tmp_path / "store", workers=2)
    assert contents(again.path) == contents(store.path)


@pytest.mark.parametrize("order", [["Week1_1", "Week2_1"], ["Week2_1", "Week1_1"]])
def test_a_store_extended_plate_by_plate_is_the_one_made_at_once(images, store, tmp_path, order):
    first = make(images, tmp_path / "store", plates=order[:1])
    assert first.cells["plate"].unique().tolist() == order[:1]
    parts = {file: file.stat().st_mtime_ns for file in first.path.glob("*-Week*")}
    make(images, tmp_path / "store", plates=order)
    assert contents(tmp_path / "store") == contents(store.path)
    assert {file: file.stat().st_mtime_ns for file in parts} == parts
    before = {file: file.stat().st_mtime_ns for file in first.path.iterdir()}
    make(images, tmp_path / "store")
    assert {file: file.stat().st_mtime_ns for file in first.path.iterdir()} == before


def test_nothing_else_is_left(images, tmp_path):
    make(images, tmp_path / "store", plates=["Week1_1"])
    assert [file.name for file in tmp_path.iterdir()] == ["store"]
    assert not [file for file in (tmp_path / "store").iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"masks": False}, lambda store: not store.has_masks),
        ({"mask_neighbours": True, "crop_size": 80}, lambda store: store.images(np.arange(len(store))).min() == 0),
        ({"crop_size": 64}, lambda store: store.manifest.shape == (2, 64, 64)),
        ({"illumination.method": "none"}, lambda store: not list(store.path.glob("illumination*"))),
    ],
)
def test_settings_are_kept(images, tmp_path, changes, check):
    spec = read_spec(None, {**SPEC.model_dump(), **changes})
    made = make(images, tmp_path / "store", spec, plates=["Week1_1"])
    assert check(made)
    assert json.loads(made.manifest.provenance["preparation"]) == json.loads(spec.model_dump_json())


def test_functions_of_another_store_are_used_again(images, store, tmp_path):
    for light in store.path.glob("illumination-*.npy"):
        (tmp_path / "other").mkdir(exist_ok=True)
        np.save(tmp_path / "other" / light.name, np.full_like(np.load(light), 2))
    halved = make(images, tmp_path / "store", illumination=tmp_path / "other", plates=["Week1_1"])
    first = halved.cells.iloc[0]
    raw = tifffile.imread(images / f"Week1_1/{first.well}_s{first.site}_DNA.tif")
    row, column = round(float(first.y)) - 20, round(float(first.x)) - 20
    np.testing.assert_array_equal(halved.images(np.array([0]))[0, 0], np.rint(raw[row : row + 40, column : column + 40] / 2))
    assert halved.manifest.provenance["illumination"] == "taken from other"
    with pytest.raises(CytoBenchError, match=r"illumination-Week1_1\.npy: no illumination functions to use again"):
        make(images, tmp_path / "none", illumination=tmp_path, plates=["Week1_1"])


def truncate(path):
    path.write_bytes(path.read_bytes()[:2000])


def smaller(path):
    tifffile.imwrite(path, tifffile.imread(path)[:-10])


def shallower(path):
    tifffile.imwrite(path, (tifffile.imread(path) // 256).astype(np.uint8))


FAULTS = {
    "Week1_1/B02_s1_DNA.tif": (truncate, "cannot be decoded"),
    "Week1_1/B03_s2_Actin.tif": (Path.unlink, "missing"),
    "Week2_1/B02_s2_DNA.tif": (smaller, "is 240 x 190 px, the plate's other images are 240 x 200 px"),
    "Week2_1/B04_s1_Actin.tif": (shallower, "its pixels are uint8, those of the other images uint16"),
}


@pytest.fixture
def faulty(tmp_path) -> Path:
    folder = write_fields(tmp_path / "faulty")
    for name, (harm, _) in FAULTS.items():
        harm(folder / name)
    return folder


def test_faulty_images_are_listed_and_their_fields_left_out(faulty, store, tmp_path):
    made = make(faulty, tmp_path / "store")
    listed = pd.concat([pd.read_csv(file) for file in sorted(made.path.glob("faults-*.csv"))])
    assert listed["image"].tolist() == list(FAULTS)
    for problem, (_, expected) in zip(listed["problem"], FAULTS.values(), strict=True):
        assert expected in problem
    whole, left = ({tuple(key) for key in cells[["plate", "well", "site"]].to_numpy()} for cells in (store.cells, made.cells))
    assert whole - left == {("Week1_1", "B02", 1), ("Week1_1", "B03", 2), ("Week2_1", "B02", 2), ("Week2_1", "B04", 1)}
    fields = pd.read_csv(made.path / "fields-Week1_1.csv")
    assert fields["fault"].notna().sum() == 2
    assert len(fields) == 6
    assert "4 faulty images" in made.summary()
    made.verify()


def test_strict_names_the_first(faulty, tmp_path, cli):
    with pytest.raises(CytoBenchError, match=r"faulty/Week1_1/B02_s1_DNA\.tif: cannot be decoded .*2 faulty images on Week1_1"):
        make(faulty, tmp_path / "store", strict=True)
    sentence = cli("data", "prepare", faulty, tmp_path / "other", "--crop-size", 40, "--strict").sentence
    assert "B02_s1_DNA.tif" in sentence


def test_a_plate_without_a_good_image_is_no_reason_to_stop(store, tmp_path):
    folder = write_fields(tmp_path / "faulty")
    for file in (folder / "Week1_1").iterdir():
        truncate(file)
    made = make(folder, tmp_path / "store")
    assert made.cells["plate"].unique().tolist() == ["Week2_1"]
    assert len(made.attached("faults")) == 12
    assert len(made.attached("fields")) == 12
    assert "12 faulty images left out" in made.summary()
    made.verify()


def test_a_set_without_cells_says_so(tmp_path):
    folder = write_fields(tmp_path / "empty", ("Week1_1",))
    for file in (folder / "Week1_1").iterdir():
        tifffile.imwrite(file, np.full(SIZE, 300, np.uint16))
    with pytest.raises(CytoBenchError, match="no cell was found in any field"):
        make(folder, tmp_path / "store")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"spec": PreparationSpec(crop_size=44, fields_per_part=4)},
            "was begun with crop_size 40, and this call says 44",
        ),
        ({"name": "other"}, "was begun with name 'store', and this call says 'other'"),
        ({"source": "elsewhere"}, "was begun with source '', and this call says 'elsewhere'"),
    ],
)
def test_a_store_made_otherwise_is_not_extended(images, tmp_path, change, sentence):
    made = make(images, tmp_path / "store", plates=["Week1_1"])
    before = contents(made.path)
    with pytest.raises(CytoBenchError, match=sentence):
        make(images, tmp_path / "store", **change)
    assert {name: content for name, content in contents(made.path).items() if not name.startswith(".work")} == before


def test_wrong_calls_leave_nothing(images, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "CONNECT_SECONDS", 0.5)
    wrong = [
        ({"plates": ["Week3_1"]}, "has no images of a plate 'Week3_1'"),
        ({"workers": 0}, "0 workers; give at least 1"),
        ({"name": "a/b"}, "the name 'a/b' will not do"),
        ({"scheduler": "tcp://127.0.0.1:9"}, "no Dask scheduler answers at tcp://127.0.0.1:9"),
    ]
    for options, sentence in wrong:
        with pytest.raises(CytoBenchError, match=sentence):
            make(images, tmp_path / "store", **options)
    assert not (tmp_path / "store").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(CytoBenchError, match="mine: is there and is no cell store"):
        make(images, tmp_path / "mine")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    with pytest.raises(CytoBenchError, match=r"Week1_1: its fields are 240 x 200 px, smaller than a crop of 201 px"):
        make(images, tmp_path / "large", PreparationSpec(crop_size=201))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine"]


def test_an_unfinished_store_opens_says_so_and_is_not_scored(images, store, tmp_path, monkeypatch, cli):
    def stopped(self, survey, tasks, pending):
        if survey.plate == "Week2_1":
            raise KeyboardInterrupt
        added(self, survey, tasks, pending)

    added = GrowingStore.add
    monkeypatch.setattr(GrowingStore, "add", stopped)
    with pytest.raises(KeyboardInterrupt):
        make(images, tmp_path / "store")
    monkeypatch.undo()
    half = CellStore(tmp_path / "store")
    half.verify()
    assert half.cells["plate"].unique().tolist() == ["Week1_1"]
    assert "UNFINISHED: 1 plates are still to come" in half.summary()
    assert "is not finished" in cli("run", "--method", "intensity", "--dataset", half.path, "--runs", tmp_path / "r").sentence
    make(images, tmp_path / "store")
    assert contents(tmp_path / "store") == contents(store.path)


def test_the_command_line_does_what_the_api_does(images, store, tmp_path, cli):
    (tmp_path / "spec.yaml").write_text("fields_per_part: 4\ncrop_size: 96\n")
    called = cli(
        "data", "prepare", images, tmp_path / "store", "--config", tmp_path / "spec.yaml", "--crop-size", 40, "--workers", 2
    )
    assert (called.status, "12 fields" in called.out) == (0, True)
    assert contents(tmp_path / "store") == contents(store.path)
    (tmp_path / "spec.yaml").write_text("crop_sise: 96\n")
    wrong = cli("data", "prepare", images, tmp_path / "other", "--config", tmp_path / "spec.yaml")
    assert "unknown key 'crop_sise'; did you mean 'crop_size'?" in wrong.sentence


@pytest.mark.parametrize(
    ("names", "channels", "dtype", "cells"),
    [
        ({"D03": "example_human/AS_09125_050116030001_D03f00d{}.tif"}, (0, 1, 2), "uint8", (150, 289)),
        (
            {"B07": "nf1/B7_01_{}_001.tif", "D06": "nf1/D6_01_{}_001.tif"},
            ({"B07": "1_3_DAPI", "D06": "1_2_DAPI"}, {"B07": "2_3_GFP", "D06": "2_2_GFP"}, {"B07": "3_3_RFP", "D06": "3_2_RFP"}),
            "uint16",
            (30, 80),
        ),
    ],
    ids=["8-bit", "16-bit"],
)
def test_real_fields_of_view_become_cells(data, tmp_path, names, channels, dtype, cells):
    rows = []
    for well, name in names.items():
        parts = [part[well] if isinstance(part, dict) else part for part in channels]
        files = {f"C{number}": data / "fields" / name.format(part) for number, part in enumerate(parts)}
        rows.append({"plate": "Week1_1", "well": well, "compound": "DMSO", "concentration": 0.0, **files})
    pd.DataFrame(rows).to_csv(tmp_path / "fields.csv", index=False)
    made = make(tmp_path, tmp_path / "store", PreparationSpec(crop_size=64))
    assert made.manifest.dtype == dtype
    assert cells[0] <= len(made) <= cells[1]
    masks, images = made.masks(np.arange(len(made))), made.images(np.arange(len(made)))
    dna = images[:, 0].astype(float)
    inside = np.array([image[mask == 2].mean() for image, mask in zip(dna, masks, strict=True)])
    outside = np.array([image[mask == 0].mean() for image, mask in zip(dna, masks, strict=True) if (mask == 0).any()])
    assert np.median(inside) > 1.5 * np.median(outside)
    assert (made.cells["smoothness_C0"] > 0.85).all()  # the second channel of the 8-bit field shows nothing but noise


def test_the_light_of_drawn_plates_is_found_again(tmp_path):
    plates = ["Week1_22123", "Week5_00001", "Week10_00002"]
    drawn = simulate_fields(tmp_path / "images", seed=3, plates=plates)
    made = make(drawn, tmp_path / "store", PreparationSpec(crop_size=64))
    errors, uncorrected = [], []
    for plate in plates:
        truth = np.load(drawn / "truth" / f"illumination-{plate}.npy")
        found = enlarged(np.load(made.path / f"illumination-{plate}.npy"), truth.shape[1:])
        for true, estimate in zip(truth / truth.mean((1, 2), keepdims=True), found, strict=True):
            errors.append(np.median(np.abs(estimate / estimate.mean() / true - 1)))
            uncorrected.append(np.median(np.abs(1 / true - 1)))
    assert len(errors) == 9
    assert max(errors) < 0.03
    assert all(error < 0.6 * before for error, before in zip(errors, uncorrected, strict=True))
    assert made.simulated
    assert "SIMULATED" in made.summary()


def test_two_preparations_of_one_store_do_not_meet(images, tmp_path, another_process):
    code = (
        f"from filelock import FileLock\nwith FileLock({str(tmp_path / '.store.lock')!r}):\n    print(flush=True)\n"
        "    sys.stdin.read()"
    )
    with another_process(code), pytest.raises(CytoBenchError, match="store is being written by another process"):
        make(images, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_store_without_a_finished_plate_says_what_to_do(tmp_path, cli):
    (tmp_path / "store" / ".work").mkdir(parents=True)
    said = cli("data", "info", tmp_path / "store").sentence
    assert "no plate of it is finished; run the same 'cytobench data prepare' again" in said


def stopped_at(name):
    """An ``os.replace`` that is never reached for files of this name: as if killed just before it."""

    def replace(source, target):
        if Path(target).name == name:
            raise KeyboardInterrupt
        os.rename(source, target)

    return replace


def test_killed_before_the_table_took_its_place(images, store, tmp_path, monkeypatch):
    make(images, tmp_path / "store", plates=["Week1_1"])
    with monkeypatch.context() as patched:
        patched.setattr(growing_store.os, "replace", stopped_at("cells.parquet"))
        with pytest.raises(KeyboardInterrupt):
            make(images, tmp_path / "store")
    assert (tmp_path / "store" / "cells.next.parquet").is_file()
    CellStore(tmp_path / "store").verify()
    assert CellStore(tmp_path / "store").cells["plate"].unique().tolist() == ["Week1_1", "Week2_1"]
    make(images, tmp_path / "store")
    assert contents(tmp_path / "store") == contents(store.path)


def test_fewer_plates_than_an_earlier_call_wanted(images, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(cutting, "make_part", lambda task: 1 / 0 if "Week2" in task.name else make_part(task))
        with pytest.raises(ZeroDivisionError):
            make(images, tmp_path / "store")
    assert CellStore(tmp_path / "store").manifest.pending == ("Week2_1",)
    fewer = make(images, tmp_path / "store", plates=["Week1_1"])
    assert fewer.manifest.pending == ()
    assert contents(fewer.path) == contents(make(images, tmp_path / "one" / "store", plates=["Week1_1"]).path)


def interrupted(images, out, monkeypatch, after, **options):
    """Prepare until so many parts are made, as if killed then."""
    made = []

    def stopping(task):
        if len(made) == after:
            raise KeyboardInterrupt
        made.append(make_part(task))
        return made[-1]

    with monkeypatch.context() as patched:
        patched.setattr(cutting, "make_part", stopping)
        with pytest.raises(KeyboardInterrupt):
            make(images, out, **options)


def test_settings_changed_before_a_part_was_made_leave_nothing_of_the_first(images, tmp_path, monkeypatch):
    without = read_spec(None, {**SPEC.model_dump(), "illumination.method": "none"})
    interrupted(images, tmp_path / "store", monkeypatch, 0)
    interrupted(images, tmp_path / "store", monkeypatch, 2, spec=without)
    make(images, tmp_path / "store", without)
    assert contents(tmp_path / "store") == contents(make(images, tmp_path / "clean" / "store", without).path)


def test_a_folder_left_before_anything_was_written_is_taken_up(images, store, tmp_path):
    (tmp_path / "store" / ".work").mkdir(parents=True)
    assert contents(make(images, tmp_path / "store").path) == contents(store.path)


def test_files_of_others_in_the_store_are_left_alone(images, tmp_path):
    made = make(images, tmp_path / "store", plates=["Week1_1"])
    (made.path / ".Trash-1000").mkdir()
    (made.path / ".my-notes").write_text("x")
    make(images, tmp_path / "store")
    assert (made.path / ".Trash-1000").is_dir() and (made.path / ".my-notes").is_file()


def test_a_plate_begun_and_not_named_again_leaves_nothing(images, tmp_path, monkeypatch):
    interrupted(images, tmp_path / "store", monkeypatch, 3)
    make(images, tmp_path / "store", plates=["Week2_1"])
    one = make(images, tmp_path / "one" / "store", plates=["Week2_1"])
    assert CellStore(tmp_path / "store").cells["plate"].unique().tolist() == ["Week1_1", "Week2_1"]
    interrupted(images, tmp_path / "late", monkeypatch, 1, name="store")
    make(images, tmp_path / "late", plates=["Week2_1"], name="store")
    assert contents(tmp_path / "late") == contents(one.path)


def test_an_image_lost_after_it_was_looked_at_is_taken_for_faulty_the_next_time(tmp_path, monkeypatch):
    folder = write_fields(tmp_path / "images")
    interrupted(folder, tmp_path / "store", monkeypatch, 1)
    lost = folder / "Week1_1" / "B04_s1_Actin.tif"
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(CytoBenchError, match=r"B04_s1_Actin\.tif: missing, but it was whole .* run the same command again"):
        make(folder, tmp_path / "store")
    made = make(folder, tmp_path / "store")
    assert made.attached("faults")["image"].tolist() == ["Week1_1/B04_s1_Actin.tif"]
    assert contents(made.path) == contents(make(folder, tmp_path / "clean" / "store").path)
    lost.write_bytes(content)


def test_a_repaired_image_is_said_and_the_plate_stays(tmp_path, capsys):
    folder = write_fields(tmp_path / "images", ("Week1_1",))
    (folder / "Week1_1" / "B02_s1_DNA.tif").rename(tmp_path / "kept.tif")
    first = contents(make(folder, tmp_path / "store").path)
    (tmp_path / "kept.tif").rename(folder / "Week1_1" / "B02_s1_DNA.tif")
    capsys.readouterr()
    assert contents(make(folder, tmp_path / "store").path) == first
    assert "Week1_1/B02_s1_DNA.tif (one of 1) was faulty when its plate was added, and can be read now" in capsys.readouterr().err


def test_the_first_image_may_be_the_faulty_one(store, tmp_path):
    folder = write_fields(tmp_path / "images")
    tifffile.imwrite(folder / "Week1_1" / "B02_s1_DNA.tif", np.zeros((30, 30), np.uint16))
    for file in (folder / "Week2_1").glob("*.tif"):
        tifffile.imwrite(file, tifffile.imread(file)[:30, :30])
    made = make(folder, tmp_path / "store")
    problems = made.attached("faults").groupby("plate")["problem"].unique()
    assert problems["Week1_1"].tolist() == ["is 30 x 30 px, the plate's other images are 240 x 200 px"]
    assert problems["Week2_1"].tolist() == ["is 30 x 30 px, smaller than a crop of 40 px"]


def test_a_growing_table_adds_its_plates_and_a_changed_one_is_refused(tmp_path):
    folder = write_fields(tmp_path / "images")
    whole = pd.read_csv(folder / "fields.csv")
    whole[whole["plate"] == "Week1_1"].to_csv(folder / "fields.csv", index=False)
    make(folder, tmp_path / "store")
    whole.to_csv(folder / "fields.csv", index=False)
    grown = make(folder, tmp_path / "store")
    assert contents(grown.path) == contents(make(folder, tmp_path / "once" / "store").path)
    whole.replace({"compound": {"taxol": "nocodazole"}}).to_csv(folder / "fields.csv", index=False)
    with pytest.raises(CytoBenchError, match=r"the image table says otherwise of plate Week\d_1, well B0\d, site \d"):
        make(folder, tmp_path / "store")


def test_functions_of_two_stores_are_not_mixed(images, tmp_path):
    for name, factor in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        for plate in ("Week1_1", "Week2_1"):
            np.save(tmp_path / name / f"illumination-{plate}.npy", np.full((2, 13, 15), factor, np.float32))
    make(images, tmp_path / "store", illumination=tmp_path / "one", plates=["Week1_1"])
    (tmp_path / "one").rename(tmp_path / "three")
    (tmp_path / "two").rename(tmp_path / "one")
    with pytest.raises(CytoBenchError, match="Week1_1 was corrected by other functions"):
        make(images, tmp_path / "store", illumination=tmp_path / "one")
    np.save(tmp_path / "one" / "illumination-Week1_1.npy", np.zeros((2, 13, 15), np.float32))
    with pytest.raises(CytoBenchError, match="an illumination function is 1 and above everywhere"):
        make(images, tmp_path / "other", illumination=tmp_path / "one")


def test_too_few_fields_are_not_corrected(tmp_path, capsys):
    folder = write_fields(tmp_path / "images", ("Week1_1",))
    table = pd.read_csv(folder / "fields.csv").head(2)
    table.to_csv(folder / "fields.csv", index=False)
    made = make(folder, tmp_path / "store")
    assert not list(made.path.glob("illumination*"))
    assert "Week1_1: 2 fields are too few to tell the light from the cells" in capsys.readouterr().err


def test_strict_knows_the_faults_of_an_earlier_call(faulty, tmp_path):
    make(faulty, tmp_path / "store")
    with pytest.raises(CytoBenchError, match=r"faults-Week1_1\.csv: lists faulty images of a plate in the store"):
        make(faulty, tmp_path / "store", strict=True)


def test_images_of_another_size_are_not_taken_for_repaired(faulty, tmp_path, capsys):
    make(faulty, tmp_path / "store")
    capsys.readouterr()
    make(faulty, tmp_path / "store")
    assert "can be read now" not in capsys.readouterr().err


def test_all_cells_at_the_border_says_so(images, tmp_path):
    with pytest.raises(CytoBenchError, match=r"all \d+ cells found are nearer their field's border than half a crop"):
        make(images, tmp_path / "store", PreparationSpec(crop_size=199))


def test_a_plate_without_a_batch_in_its_name_is_noted(tmp_path, capsys):
    made = make(write_fields(tmp_path / "images", ("NF1",)), tmp_path / "store")
    assert len(made) > 0
    assert "plate NF1: no batch in its name" in capsys.readouterr().err


def test_the_known_offset_of_a_camera_is_taken_out(tmp_path):
    folder = write_fields(tmp_path / "images", ("Week1_1",))
    plain = make(folder, tmp_path / "plain")
    for file in (folder / "Week1_1").glob("*.tif"):
        tifffile.imwrite(file, tifffile.imread(file) + np.uint16(500))
    shifted = make(folder, tmp_path / "shifted", read_spec(None, {**SPEC.model_dump(), "illumination.dark": 500}))
    lights = [np.load(made.path / "illumination-Week1_1.npy") for made in (plain, shifted)]
    np.testing.assert_allclose(*lights, rtol=1e-5)
    rows = np.arange(min(len(plain), 20))
    np.testing.assert_allclose(plain.images(rows), shifted.images(rows), atol=1)


def test_the_same_part_made_twice_at_once_is_made_once(images, tmp_path, monkeypatch):
    tasks = []
    with monkeypatch.context() as patched:
        patched.setattr(cutting, "make_part", lambda task: (tasks.append(task), make_part(task))[1])
        interrupted_store = tmp_path / "store"
        patched.setattr(GrowingStore, "add", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make(images, interrupted_store)
    record = (tasks[0].folder / "part.json").stat().st_mtime_ns
    assert make_part(tasks[0]) == len(tasks[0].fields)
    assert (tasks[0].folder / "part.json").stat().st_mtime_ns == record
    orphan = replace(tasks[0], coordinator=1, name="Week1_1-009")
    with pytest.raises(CytoBenchError, match="its preparation was stopped"):
        make_part(orphan)
    assert not orphan.folder.exists()


def test_a_config_that_holds_no_settings(tmp_path, images, cli):
    for text, said in (("- 1\n", "holds no settings"), ("segmentation:\n", "segmentation: ")):
        (tmp_path / "spec.yaml").write_text(text)
        words = ("data", "prepare", images, tmp_path / "store", "--config", tmp_path / "spec.yaml", "--segmenter", "watershed")
        assert said in cli(*words).sentence
    printed = cli("data", "prepare", "--print-config")
    (tmp_path / "spec.yaml").write_text(printed.out)
    assert read_spec(tmp_path / "spec.yaml") == PreparationSpec()
