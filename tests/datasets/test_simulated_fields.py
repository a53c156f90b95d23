"""The simulated screen as fields of view: BBBC021's layout, the same bytes by seed, images and truth that belong together."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from cytobench.datasets.layout import SIMULATED
from cytobench.datasets.simulated import Simulated, plate_map, read_parameters, simulate_fields
from cytobench.datasets.simulated.composing import compose
from cytobench.datasets.simulated.debris import strew
from cytobench.datasets.simulated.drawing import draw
from cytobench.datasets.simulated.microscope import illumination
from cytobench.datasets.simulated.parameters import BEYOND, Debris, ScreenParameters
from cytobench.datasets.simulated.phenotypes import draw_cells, generator, well_effects
from cytobench.datasets.simulated.placement import place
from cytobench.errors import CytoBenchError
from cytobench.schema import load_json

PLATE, OTHER = "Week1_22123", "Week9_00002"
IMAGE_NAME = re.compile(r"(\S+_)?[A-H]\d\d_s\d_w[124][0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\.tif")
CHANNELS = ("DAPI", "Tubulin", "Actin")
PARAMETERS = read_parameters()


def changed(**update) -> ScreenParameters:
    """The default parameters but for some, of which those of a group are given as a dictionary."""
    groups = {key: getattr(PARAMETERS, key).model_copy(update=part) for key, part in update.items() if isinstance(part, dict)}
    return PARAMETERS.model_copy(update=update | groups)


def image(out: Path, row: pd.Series, channel: str) -> np.ndarray:
    plate = row["Image_Metadata_Plate_DAPI"]
    with zipfile.ZipFile(out / f"BBBC021_v1_images_{plate}.zip") as archive:
        return tifffile.imread(io.BytesIO(archive.read(f"{plate}/{row[f'Image_FileName_{channel}']}")))


def labels(out: Path, plate: str, well: str, site: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The true cells and nuclei of a field."""
    cells, nuclei = (tifffile.imread(out / "truth" / plate / f"{well}_s{site}_{name}.tif") for name in ("cells", "nuclei"))
    return cells, nuclei


def every_file(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return simulate_fields(tmp_path_factory.mktemp("simulated") / "fields", plates=[PLATE, OTHER])


@pytest.fixture(scope="module")
def rows(out) -> pd.DataFrame:
    return pd.read_csv(out / "BBBC021_v1_image.csv")


@pytest.fixture(scope="module")
def cells(out) -> pd.DataFrame:
    return pd.read_csv(out / "truth" / "cells.csv")


@pytest.fixture(scope="module")
def fields(out) -> pd.DataFrame:
    return pd.read_csv(out / "truth" / "fields.csv")


def test_the_tables_are_laid_out_as_the_real_ones(out, rows, data):
    with gzip.open(data / "bbbc021" / "BBBC021_v1_image.csv.gz", "rt", newline="") as file:
        real = [file.readline() for _ in range(2)]
    lines = (out / "BBBC021_v1_image.csv").read_text().splitlines(keepends=True)
    assert lines[0] == real[0]
    drawn, photographed = (next(csv.DictReader(pair)) for pair in (lines[:2], real))
    for column in drawn:
        if column.startswith("Image_FileName_"):
            assert IMAGE_NAME.fullmatch(photographed[column]) and IMAGE_NAME.fullmatch(drawn[column])
    assert drawn["Image_PathName_DAPI"] == "Week1/Week1_22123"
    assert drawn["Image_Metadata_Concentration"] == "0"
    moa = (data / "bbbc021" / "BBBC021_v1_moa.csv").read_text().splitlines()
    assert sorted((out / "BBBC021_v1_moa.csv").read_text().splitlines()) == sorted(moa)


def test_every_image_of_the_table_is_in_its_archive_and_no_other(out, rows):
    for plate, group in rows.groupby("Image_Metadata_Plate_DAPI"):
        listed = {f"{plate}/{name}" for channel in CHANNELS for name in group[f"Image_FileName_{channel}"]}
        with zipfile.ZipFile(out / f"BBBC021_v1_images_{plate}.zip") as archive:
            assert set(archive.namelist()) == listed
            assert archive.testzip() is None
        assert len(listed) == 3 * len(group)
    assert {path.name for path in out.iterdir()} == {
        "BBBC021_v1_image.csv",
        "BBBC021_v1_moa.csv",
        *(f"BBBC021_v1_images_{plate}.zip" for plate in (PLATE, OTHER)),
        SIMULATED,
        "truth",
    }


def test_the_table_has_the_wells_of_the_plate_map(rows):
    wells = plate_map(PARAMETERS)
    expected = wells[wells.plate.isin([PLATE, OTHER])]
    columns = [f"Image_Metadata_{name}" for name in ("Plate_DAPI", "Well_DAPI", "Compound", "Concentration")]
    found = set(map(tuple, rows[columns].to_numpy()))
    assert found == set(map(tuple, expected[["plate", "well", "compound", "concentration"]].to_numpy()))
    assert ((PLATE, "D05", "taxol", 0.3)) in found
    assert not rows.duplicated(["TableNumber", "ImageNumber"]).any()


def test_images_are_twelve_bit_counts_times_sixteen(out, rows):
    for row in rows.iloc[::5].to_dict("records"):
        for channel in CHANNELS:
            counts = image(out, row, channel)
            assert counts.dtype == np.uint16
            assert counts.shape == PARAMETERS.field[::-1]
            assert (counts % 16 == 0).all()
            assert counts.min() > 0
            assert (counts == 4095 * 16).mean() < 1e-3


def test_labels_are_the_same_cell_in_both_and_agree_with_the_table(out, rows, cells):
    for (plate, well), table in cells.groupby(["plate", "well"]):
        whole, nuclei = labels(out, plate, well)
        assert whole.dtype == nuclei.dtype == np.uint16
        assert (whole[nuclei > 0] == nuclei[nuclei > 0]).all()
        assert table.label.tolist() == list(range(1, len(table) + 1))
        assert np.bincount(whole.ravel(), minlength=len(table) + 1)[1:].tolist() == table.cell_area.tolist()
        assert np.bincount(nuclei.ravel(), minlength=len(table) + 1)[1:].tolist() == table.nucleus_area.tolist()
        assert (table.cell_area > 0).all()
    assert len(cells.groupby(["plate", "well"])) == len(rows)


def test_the_centre_of_a_cell_that_is_not_at_the_border_lies_on_its_nucleus(out, cells):
    inside = cells[~cells.at_border]
    (width, height), half = PARAMETERS.field, PARAMETERS.crop // 2
    assert inside.x.between(half, width - half).all()
    assert inside.y.between(half, height - half).all()
    nuclei = {key: labels(out, *key)[1] for key in inside.groupby(["plate", "well"]).groups}
    hit = [nuclei[row.plate, row.well][row.y, row.x] == row.label for row in inside.itertuples()]
    assert np.mean(hit) > 0.98
    outside = cells[(cells.x < 0) | (cells.y < 0) | (cells.x >= width) | (cells.y >= height)]
    assert len(outside) > 20
    assert outside.at_border.all()
    assert 0 < outside.cell_area.mean() < 0.5 * inside.cell_area.mean()
    assert outside.nucleus_area.mean() < 0.2 * inside.nucleus_area.mean()


def test_dna_is_bright_in_the_true_nuclei_and_stain_in_the_true_cells(out, rows, fields):
    sharp = fields[~fields.out_of_focus].merge(
        rows, left_on=["plate", "well"], right_on=["Image_Metadata_Plate_DAPI", "Image_Metadata_Well_DAPI"]
    )
    for row in sharp.iloc[::4].to_dict("records"):
        whole, nuclei = labels(out, row["plate"], row["well"])
        dna, tubulin = (image(out, row, channel).astype(float) for channel in ("DAPI", "Tubulin"))
        assert np.median(dna[nuclei > 0]) > 2 * np.median(dna[(whole > 0) & (nuclei == 0)])
        assert np.median(tubulin[whole > 0]) > 2 * np.median(tubulin[whole == 0])


def test_dividing_by_the_true_illumination_makes_the_background_flat(tmp_path):
    parameters = changed(cells_per_well=1.0, fewest_cells=1, debris={"specks": 0.0, "dust": 0.0}, optics={"out_of_focus": 0.0})
    out = simulate_fields(tmp_path / "dark", parameters=parameters, plates=[PLATE])
    light = np.load(out / "truth" / f"illumination-{PLATE}.npy")
    rows = pd.read_csv(out / "BBBC021_v1_image.csv").to_dict("records")
    empty = np.stack([labels(out, PLATE, row["Image_Metadata_Well_DAPI"])[0] == 0 for row in rows])
    for channel, one in zip(CHANNELS, light, strict=True):
        counts = np.stack([image(out, row, channel) for row in rows]) / 16
        bright, dim = one > np.quantile(one, 0.9), one < np.quantile(one, 0.1)
        seen, flat = ([np.median(part[empty & where]) for where in (bright, dim)] for part in (counts, counts / one))
        assert seen[1] < 0.95 * seen[0]
        assert flat[1] == pytest.approx(flat[0], rel=0.03)


def test_illumination_is_smooth_off_centre_and_loses_at_most_what_is_stated():
    lights = np.stack([illumination(f"plate{number}", 0, PARAMETERS) for number in range(20)])
    assert lights.dtype == np.float32
    np.testing.assert_allclose(lights.mean(axis=(2, 3)), 1, atol=1e-5)
    least, most = lights.min(axis=(2, 3)), lights.max(axis=(2, 3))
    assert (least / most >= 1 - PARAMETERS.optics.shading - 1e-6).all()
    assert (least / most < 0.85).all()
    assert np.abs(np.diff(lights, axis=3)).max() < 0.01
    peak = lights.reshape(20, 3, -1).argmax(axis=2) % PARAMETERS.field[0]
    assert np.ptp(peak) > 0.1 * PARAMETERS.field[0]
    assert (np.ptp(peak, axis=1) > 0).mean() > 0.8


def test_fields_out_of_focus_are_blurred_and_known(tmp_path):
    folders = {}
    for share in (0.0, 1.0):
        parameters = changed(optics={"out_of_focus": share})
        folders[share] = simulate_fields(tmp_path / str(share), parameters=parameters, plates=[PLATE], wells=["B02", "C02"])
    edges = {}
    for share, folder in folders.items():
        facts = pd.read_csv(folder / "truth" / "fields.csv")
        assert (facts.out_of_focus == bool(share)).all()
        assert facts.defocus.between(*(PARAMETERS.optics.defocus if share else (0, 0))).all()
        rows = pd.read_csv(folder / "BBBC021_v1_image.csv").to_dict("records")
        edges[share] = [np.quantile(np.abs(np.diff(image(folder, row, "DAPI").astype(float))), 0.995) for row in rows]
    assert (np.array(edges[1.0]) < 0.5 * np.array(edges[0.0])).all()


def test_about_one_field_in_fifty_is_out_of_focus():
    assert 0.01 <= PARAMETERS.optics.out_of_focus <= 0.03


def test_debris_is_counted_and_seen():
    field = np.zeros((3, 500, 400), np.float32)
    specks, dust = strew(field, Debris(specks=50.0, dust=0.0), np.random.default_rng(0))
    assert dust == 0
    assert 3 <= specks <= 20
    assert 0 < (field.max(axis=0) > 0.2).mean() < 0.01
    wide = np.zeros_like(field)
    assert strew(wide, Debris(specks=0.0, dust=20.0), np.random.default_rng(0))[0] == 0
    assert wide.max() < field.max()
    assert (wide > 0.01).mean() > (field > 0.01).mean()


def test_a_seed_fixes_every_byte_whatever_the_workers(tmp_path):
    chosen = {"plates": [PLATE, OTHER], "wells": ["B02", "B04"]}
    first = every_file(simulate_fields(tmp_path / "a", seed=3, **chosen))
    again = every_file(simulate_fields(tmp_path / "b", seed=3, workers=2, **chosen))
    other = every_file(simulate_fields(tmp_path / "c", seed=4, **chosen))
    assert first == again
    assert [name for name in first if first[name] == other.get(name)] == ["BBBC021_v1_moa.csv", "truth/parameters.json"]


def test_a_field_is_the_same_whatever_else_is_drawn(tmp_path, out, rows, cells):
    alone = simulate_fields(tmp_path / "alone", plates=[OTHER], wells=["E11"])
    row = pd.read_csv(alone / "BBBC021_v1_image.csv").iloc[0]
    same = rows[(rows.Image_Metadata_Plate_DAPI == OTHER) & (rows.Image_Metadata_Well_DAPI == "E11")].iloc[0]
    pd.testing.assert_series_equal(row, same, check_names=False)
    for channel in CHANNELS:
        np.testing.assert_array_equal(image(alone, row, channel), image(out, same, channel))
    np.testing.assert_array_equal(labels(alone, OTHER, "E11"), labels(out, OTHER, "E11"))
    assert set(pd.read_csv(alone / "truth" / "cells.csv").well) == {"E11"}


def test_the_folder_says_that_it_is_simulated(out):
    mark = load_json(Simulated, out / SIMULATED)
    assert mark.simulated
    assert mark.seed == 0
    assert mark.parameters_sha256 == PARAMETERS.sha256
    assert "no cell was photographed" in mark.note


def test_control_wells_hold_about_fourteen_whole_cells_and_none_fewer_than_three():
    screen = plate_map(PARAMETERS)
    screen = screen.assign(effect=well_effects(screen, 0, PARAMETERS))
    counts = []
    for plate, wells in screen.groupby("plate", sort=False):
        wells = wells.reset_index(drop=True)
        drawn = draw_cells(wells, 0, PARAMETERS, generator(0, "cells", plate))
        inside = drawn[~drawn.at_border].well_row.value_counts().reindex(wells.index, fill_value=0)
        counts.append(wells.assign(inside=inside))
    table = pd.concat(counts)
    assert table.inside.min() >= PARAMETERS.fewest_cells
    assert 13 < table[table.compound == "DMSO"].inside.mean() < 15
    assert 5_000 < table.inside.sum() < 7_000


def test_cells_touch_while_their_nuclei_keep_apart():
    wells = pd.DataFrame({"compound": ["DMSO"], "moa": ["DMSO"], "effect": [0.0]})
    touching, parted = [], []
    for seed in range(20):
        rng = generator(seed, "place")
        cells = draw_cells(wells, 0, PARAMETERS, rng)
        places = place(cells, PARAMETERS, rng)
        far = np.hypot(*(places[:, None] - places).T) + np.diag(np.full(len(cells), np.inf))
        assert (places >= -BEYOND).all() and (places < np.array(PARAMETERS.field) + BEYOND).all()
        bodies, nuclei = cells.cell_radius.to_numpy(), cells.nucleus_radius.to_numpy()
        touching += (far / np.add.outer(bodies, bodies)).min(axis=0).tolist()
        parted += (far / np.add.outer(nuclei, nuclei)).min(axis=0).tolist()
    assert np.mean(np.array(touching) < 1.05) > 0.6
    assert np.mean(np.array(parted) > 1) > 0.99


def drawn_alone(count: int, **traits: float):
    """Cells of one phenotype, drawn alone."""
    named = PARAMETERS.control.model_copy(update=traits).model_dump()
    return draw(pd.DataFrame([named] * count).assign(state=0), np.random.default_rng(0))


def test_no_cell_is_cut_off_however_large():
    drawing = drawn_alone(8, cell_radius=45.0, cell_elongation=3.0, cell_roughness=0.0, protrusions=0.0)
    areas = np.bincount(drawing.pixels.cell[drawing.kind > 0])
    np.testing.assert_allclose(areas, np.pi * 45**2, rtol=0.02)


def test_a_cell_covers_those_laid_before_it():
    drawing = drawn_alone(3)
    places = np.array([[60, 60], [60, 60], [0, 60]])
    scene = compose(drawing, np.zeros(3, int), places, (1, 120, 120))
    area = [np.bincount(drawing.pixels.cell[drawing.kind > kind], minlength=3) for kind in (0, 1)]
    assert scene.label[1] > 0 and scene.label[2] > 0
    assert (scene.cells[0] == scene.label[1]).sum() == area[0][1]
    assert (scene.nuclei[0] == scene.label[1]).sum() == area[1][1]
    assert 0.3 * area[0][2] < (scene.cells[0] == scene.label[2]).sum() < 0.7 * area[0][2]
    hidden = scene.label[0]
    assert (scene.cells[0] == hidden).sum() < 0.3 * area[0][0] if hidden else set(np.unique(scene.cells)) == {0, 1, 2}


def test_fields_of_bbbc021s_size_hold_about_a_hundred_cells(tmp_path):
    parameters = changed(field=(1280, 1024), sites=4, cells_per_well=350.0)
    out = simulate_fields(tmp_path / "large", parameters=parameters, plates=[PLATE], wells=["B02"])
    facts = pd.read_csv(out / "truth" / "fields.csv")
    assert facts.site.tolist() == [1, 2, 3, 4]
    assert facts.cells.between(60, 150).all()
    assert 85 < facts.cells.mean() < 120
    row = pd.read_csv(out / "BBBC021_v1_image.csv").iloc[3]
    assert "_B02_s4_w2" in row.Image_FileName_Tubulin
    assert image(out, row, "Tubulin").shape == (1024, 1280)
    assert labels(out, PLATE, "B02", 4)[0].max() == facts.cells[3]


def test_a_field_without_cells_is_a_field(tmp_path):
    parameters = changed(sites=4, cells_per_well=0.1, fewest_cells=1)
    out = simulate_fields(tmp_path / "empty", parameters=parameters, plates=[PLATE], wells=["B02"])
    facts = pd.read_csv(out / "truth" / "fields.csv")
    empty = facts[facts.cells == 0].site.tolist()
    assert empty and facts.cells.sum() > 0
    assert labels(out, PLATE, "B02", empty[0])[0].max() == 0
    assert set(pd.read_csv(out / "truth" / "cells.csv").site).isdisjoint(empty)


def test_progress_counts_plates_in_order(tmp_path):
    seen = []
    simulate_fields(tmp_path / "out", plates=[OTHER, PLATE], wells=["B02"], progress=lambda *step: seen.append(step))
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"plates": ["Week1_22132"]}, "no plate 'Week1_22132'; did you mean 'Week1_22123'"),
        ({"plates": []}, "no plate is named"),
        ({"plates": [PLATE], "wells": ["Z02"]}, "no well 'Z02'"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_what_is_not_in_the_screen_is_named_and_leaves_nothing(tmp_path, arguments, named):
    with pytest.raises(CytoBenchError, match=named):
        simulate_fields(tmp_path / "out", **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("feild: [640, 480]", "'feild'; did you mean 'field'"),
        ("field: [640, 40]", "field: both sides must be longer than the crop of 64 px"),
        ("optics: {shadin: 0.1}", "'shadin' in optics; did you mean 'shading'"),
        ("optics: {gain: [1.0, 0.0, 1.0]}", "optics.gain.1"),
        ("phenotypes: 3", "phenotypes"),
        ("weeks: {taxol: first}", "weeks.taxol"),
        ("control_wells: [B2]", "control_wells.0"),
        ("[1, 2]", "holds no keys"),
    ],
)
def test_a_bad_parameters_file_names_the_key(tmp_path, cli, text, named):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    sentence = cli("data", "simulate", tmp_path / "out", "--parameters", path).sentence
    assert named in sentence
    assert str(path) in sentence
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("update", "named"),
    [
        ({"weeks": {**PARAMETERS.weeks, "taxl": "Week1"}}, "weeks: 'taxl' is not in the screen; did you mean 'taxol'"),
        ({"phenotypes": {**PARAMETERS.phenotypes, "Eg6 inhibitors": PARAMETERS.control}}, "did you mean 'Eg5 inhibitors'"),
        ({"weeks": dict.fromkeys(PARAMETERS.weeks, "Week1")}, "Week1 has 103 treatments"),
    ],
)
def test_parameters_that_do_not_fit_the_treatments_are_named(update, named):
    with pytest.raises(CytoBenchError, match=re.escape(named)):
        plate_map(PARAMETERS.model_copy(update=update))


def test_a_parameters_file_changes_only_what_it_names(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("field: [1280, 1024]\nsites: 4\noptics: {shading: 0.1}\nphenotypes: {Epithelial: {cell_radius: 19.0}}\n")
    read = read_parameters(path)
    assert read.phenotypes["Epithelial"].cell_radius == 19.0
    expected = changed(field=(1280, 1024), sites=4, optics={"shading": 0.1})
    assert read.model_copy(update={"phenotypes": PARAMETERS.phenotypes}) == expected


def test_the_command_line_draws_chosen_plates_once(tmp_path, cli):
    small = tmp_path / "small.yaml"
    small.write_text("cells_per_well: 2.0\nfewest_cells: 1\n")
    words = ("data", "simulate", tmp_path / "out", "--plates", f"{PLATE}, {OTHER}", "--seed", 7, "--parameters", small)
    called = cli(*words)
    assert (called.status, called.out) == (
        0,
        f"{tmp_path / 'out'}: simulated fields of view in BBBC021's layout; no cell was photographed\n",
    )
    assert set(pd.read_csv(tmp_path / "out" / "BBBC021_v1_image.csv").Image_Metadata_Plate_DAPI) == {PLATE, OTHER}
    assert load_json(Simulated, tmp_path / "out" / SIMULATED).seed == 7
    assert "already exists" in cli(*words).sentence
