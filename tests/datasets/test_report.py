"""The report of a store shows what is there, says what is not, and takes the place of nothing but a report."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from small_fields import CHANNELS, field, write_fields

from cytobench.datasets.opening import open_dataset
from cytobench.datasets.preparation.prepare import prepare
from cytobench.datasets.preparation.spec import PreparationSpec
from cytobench.datasets.report import crops
from cytobench.datasets.report.colour_scale import ColourScale
from cytobench.datasets.report.concerns import concerns
from cytobench.datasets.report.counts import count
from cytobench.datasets.report.folder import replacing_report
from cytobench.datasets.report.page import write_report
from cytobench.datasets.report.pictures import picture_name
from cytobench.datasets.report.plate_maps import cell_maps, focus_maps, place
from cytobench.datasets.report.screen import Screen, read_screen
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter
from cytobench.errors import CytoBenchError

SPEC = PreparationSpec(crop_size=40, fields_per_part=4)
HOSTILE = "<script>alert(1)</script>"


def make_faulty(folder: Path) -> CellStore:
    """Two plates; four images are faulty, and well B03 of the second plate has no good field, its B04 no cell."""
    images = write_fields(folder / "images")
    for name in ("Week1_1/B02_s1_DNA", "Week2_1/B03_s1_DNA", "Week2_1/B03_s2_Actin"):
        file = images / f"{name}.tif"
        file.write_bytes(file.read_bytes()[:2000])
    (images / "Week1_1/B03_s2_Actin.tif").unlink()
    generator = np.random.default_rng(0)
    for site in (1, 2):
        for channel, pixels in zip(CHANNELS, field(generator, cells=0), strict=True):
            tifffile.imwrite(images / f"Week2_1/B04_s{site}_{channel}.tif", pixels)
    return prepare(images, folder / "store", SPEC, progress=False)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory) -> CellStore:
    return make_faulty(tmp_path_factory.mktemp("faulty"))


@pytest.fixture(scope="module")
def page(faulty, tmp_path_factory) -> Path:
    return write_report(faulty, tmp_path_factory.mktemp("page") / "report")


def imported(folder: Path, table: pd.DataFrame, images: np.ndarray | None = None, **facts) -> CellStore:
    """A store of crops that were cut elsewhere."""
    if images is None:
        images = np.random.default_rng(0).integers(0, 4000, (len(table), 2, 16, 16)).astype(np.uint16)
    facts = {"name": "mine", "simulated": False, "all_cells_counted": False, "provenance": {}, **facts}
    with CellStoreWriter(folder, channels=("DNA", "Actin"), **facts) as writer:
        writer.append(images, table)
    return CellStore(folder)


def cells(compounds: dict[str, int], plate="P1") -> pd.DataFrame:
    """A table of so many cells of each compound, a well each."""
    rows = [
        {"plate": plate, "well": f"B{number + 2:02d}", "compound": compound, "concentration": 0.0 if compound == "DMSO" else 0.3}
        for number, (compound, many) in enumerate(compounds.items())
        for _ in range(many)
    ]
    return pd.DataFrame(rows)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def referenced(page: Path) -> list[str]:
    return [unescape(name) for name in re.findall(r'src="([^"]*)"', page.read_text())]


def sentences(screen: Screen) -> dict[str, tuple[str, ...]]:
    return {concern.sentence: concern.places for concern in concerns(screen, count(screen))}


def places_of(screen: Screen, words: str) -> tuple[str, ...]:
    """What is said of the one concern with these words."""
    found = [places for sentence, places in sentences(screen).items() if words in sentence]
    assert len(found) == 1, sentences(screen)
    return found[0]


# the page


def test_the_counts_are_those_of_the_images(faulty):
    counts = count(read_screen(faulty))
    assert (counts.plates, counts.wells, counts.wells_without_cells) == (2, 6, 2)
    assert (counts.fields, counts.faulty_fields, counts.faulty_images) == (12, 4, 4)
    assert (counts.compounds, counts.treatments) == (2, 3)
    assert counts.found == counts.at_border + counts.cells == 6 * 7
    assert counts.cells == len(faulty.cells)
    per_field = faulty.cells.groupby(["plate", "well", "site"]).size()
    assert counts.cells_per_field == (pd.concat([per_field, pd.Series([0, 0])]).median(), 0, per_field.max())
    assert counts.nucleus_area == faulty.cells["nucleus_area"].median()
    assert (counts.flagged, counts.saturated) == (0, 0)


def test_every_picture_is_there_and_nothing_comes_from_elsewhere(page):
    shown = referenced(page)
    assert sorted(shown) == sorted(file.name for file in page.parent.glob("*.png"))
    kinds = pd.Series([name.split("-")[0] for name in shown]).value_counts().to_dict()
    assert kinds == {"example": 2, "illumination": 2, "crops": 3, "distribution": 3}
    text = page.read_text()
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*[:/]', text)
    assert text.count('loading="lazy"') == len(shown)
    for width, name in re.findall(r'src="(crops[^"]*|example[^"]*)" width="(\d+)"', text):
        with Image.open(page.parent / width) as image:
            assert image.size[0] == int(name)


def test_the_faulty_images_are_listed_with_what_is_wrong(faulty, page):
    text = page.read_text().replace("&#39;", "'")
    faults = faulty.attached("faults")
    assert len(faults) == 4
    for fault in faults.itertuples():
        assert f"<td>{fault.image}</td><td>{fault.problem}</td>" in text


def test_more_faulty_images_than_a_page_holds_are_counted(faulty, tmp_path, monkeypatch):
    monkeypatch.setattr("cytobench.datasets.report.page.FAULTS_SHOWN", 3)
    text = write_report(faulty, tmp_path / "report").read_text()
    assert "The first 3 of 4; the files <code>faults-PLATE.csv</code>" in text
    assert re.findall(r"<td>([^<]*)\.tif</td>", text) == ["Week1_1/B02_s1_DNA", "Week1_1/B03_s2_Actin", "Week2_1/B03_s1_DNA"]


def test_the_example_is_named_by_its_well(page):
    text = page.read_text()
    assert "<b>Week1_1</b> <span>well B02, site 2 (DMSO)</span>" in text  # its site 1 is faulty
    assert re.search(r"<b>Week2_1</b> <span>well B\d\d, site \d \(\w+\)</span>", text)


def test_imported_crops_are_reported_with_what_there_is(tmp_path):
    text = write_report(imported(tmp_path / "store", cells({"DMSO": 3, "taxol": 2})), tmp_path / "report").read_text()
    for said in (
        "cut elsewhere",
        "holds no pictures of fields",
        "holds no illumination functions",
        "Not known: these crops",
        "has no areas, focus or smoothness",
        "3 crops, 1 well",
        "a sample of each well",
    ):
        assert said in text
    assert "SIMULATED" not in text
    assert "wells without a cell" not in text


def test_a_simulated_store_says_so(tiny_store, tmp_path):
    text = write_report(tiny_store, tmp_path / "report").read_text()
    assert "<title>SIMULATED: tiny</title>" in text
    assert "<strong>SIMULATED.</strong>" in text
    assert "No map can be drawn" in text  # its control wells are called A00 to A05


def test_names_are_harmless(tmp_path):
    table = pd.concat([cells({"DMSO": 2, HOSTILE: 2}, plate) for plate in ("../../x", "..-..-x", '"><img src=x>')])
    store = imported(tmp_path / "store", table.reset_index(drop=True), provenance={"source": HOSTILE})
    page = write_report(store, tmp_path / "deep" / "report")
    text = page.read_text()
    assert "<script" not in text
    assert "<img src=x" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert all(re.fullmatch(r"[a-z]+-\d{4}-[A-Za-z0-9-]*\.png", name) for name in referenced(page))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["deep", "store"]
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["report"]


def test_pictures_of_like_names_are_kept_apart():
    names = [picture_name("crops", number, what) for number, what in enumerate(["a/b", "a b", "", "x" * 300])]
    assert names[:3] == ["crops-0000-a-b.png", "crops-0001-a-b.png", "crops-0002-.png"]
    assert len(names[3]) < 60


# the folder


def test_equal_stores_have_equal_reports(faulty, page, tmp_path):
    again = write_report(CellStore(faulty.path), tmp_path / "other")
    assert contents(again.parent) == contents(page.parent)


def test_an_older_report_is_replaced(faulty, page, tmp_path):
    out = tmp_path / "report"
    write_report(imported(tmp_path / "store", cells({"DMSO": 3, "a": 1, "b": 1, "c": 1})), out)
    assert len(list(out.glob("crops-*"))) == 4
    write_report(faulty, out)
    assert contents(out) == contents(page.parent)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["report", "store"]


@pytest.mark.parametrize("name", ["thesis.txt", "index.html", "photo.png", ".hidden", "crops-0000-x.png"])
def test_what_is_no_report_stays(faulty, tmp_path, name):
    out = tmp_path / "mine"
    out.mkdir()
    (out / name).write_text("x")
    with pytest.raises(CytoBenchError, match="mine: .*choose another folder with --out"):
        write_report(faulty, out)
    assert contents(out) == {name: b"x"}
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_it_is_refused_before_anything_is_drawn_and_again_at_the_end(tmp_path):
    out = tmp_path / "my-report"
    with replacing_report(out) as folder:
        (folder / "index.html").write_text("x")
        assert not list(tmp_path.glob(".*-*"))  # what an extended store would remove
    (out / "notes.md").write_text("x")
    with pytest.raises(CytoBenchError, match=r"notes\.md"), replacing_report(out):
        pytest.fail("the drawing was begun")
    (out / "notes.md").unlink()
    (out / "index.html").unlink()
    with pytest.raises(CytoBenchError, match=r"notes\.md"), replacing_report(out) as folder:
        (out / "notes.md").write_text("written meanwhile")
    assert contents(out) == {"notes.md": b"written meanwhile"}
    assert list(tmp_path.iterdir()) == [out]


def test_a_report_with_somebody_s_notes_stays(faulty, tmp_path):
    write_report(faulty, tmp_path / "report")
    (tmp_path / "report" / "notes.md").write_text("x")
    with pytest.raises(CytoBenchError, match=r"holds 'notes\.md', which is no part of a report"):
        write_report(faulty, tmp_path / "report")
    assert (tmp_path / "report" / "notes.md").read_text() == "x"
    (tmp_path / "file").write_text("x")
    with pytest.raises(CytoBenchError, match="file: is a file; choose a folder"):
        write_report(faulty, tmp_path / "file")
    with pytest.raises(CytoBenchError, match="file: cannot be written to .*; choose another folder"):
        write_report(faulty, tmp_path / "file" / "report")


def test_a_failure_leaves_the_older_report(tmp_path):
    store = make_faulty(tmp_path)
    page = write_report(store, tmp_path / "report")
    before = contents(page.parent)
    (store.path / "example-Week2_1.png").write_bytes(b"no picture")
    with pytest.raises(CytoBenchError, match=r"example-Week2_1\.png: cannot be read as a picture"):
        write_report(store, tmp_path / "report")
    assert contents(page.parent) == before
    np.save(store.path / "illumination-Week1_1.npy", np.ones((5, 8, 8)))
    (store.path / "example-Week2_1.png").unlink()
    Image.new("RGB", (8, 8)).save(store.path / "example-Week2_1.png")
    with pytest.raises(CytoBenchError, match=r"illumination-Week1_1\.npy: holds \(5, 8, 8\)"):
        write_report(store, tmp_path / "report")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["images", "report", "store"]


def test_a_store_is_extended_with_its_report_in_it(tmp_path):
    images = write_fields(tmp_path / "images")
    first = prepare(images, tmp_path / "store", SPEC, plates=["Week1_1"], progress=False)
    write_report(first, first.path / "report")
    (first.path / ".report.killed" / "new").mkdir(parents=True)  # as a report that was killed leaves it
    both = prepare(images, tmp_path / "store", SPEC, progress=False)
    assert "Week2_1" in write_report(both, both.path / "report").read_text()
    both.verify()


# what looks wrong


def test_faulty_plates_and_empty_wells_are_named(faulty):
    screen = read_screen(faulty)
    assert places_of(screen, "faulty images") == ("Week1_1: 2 images", "Week2_1: 2 images")
    assert places_of(screen, "usable images and no cell") == ("Week2_1 B04",)
    assert places_of(screen, "no usable image.") == ("Week2_1 B03",)
    assert len(sentences(screen)) == 3


def test_a_good_store_gives_no_concern(tmp_path):
    good = prepare(write_fields(tmp_path / "images"), tmp_path / "store", SPEC, progress=False)
    assert sentences(read_screen(good)) == {}
    assert "No count looks wrong." in write_report(good, tmp_path / "report").read_text()


def test_plates_without_controls_and_unfinished_stores_are_named(tmp_path):
    table = pd.concat([cells({"DMSO": 2}), cells({"taxol": 2}, "P10"), cells({"taxol": 2}, "P9")]).reset_index(drop=True)
    screen = read_screen(imported(tmp_path / "store", table))
    assert places_of(screen, "no DMSO cell") == ("P9", "P10")
    screen.store.manifest = screen.store.manifest.model_copy(update={"pending": ("P11",)})
    assert places_of(screen, "unfinished") == ("P11",)


def field_table(cells_of: dict[str, int], fields: int = 20) -> pd.DataFrame:
    """So many fields a plate, each with so many cells; their focus varies by a hundredth."""
    rows = [
        {"plate": plate, "well": "B02", "site": site, "found": 2 * kept, "at_border": kept, "cells": kept, "fault": np.nan}
        | {f"focus_{channel}": 0.2 + 0.01 * (site % 3 - 1) for channel in ("DNA", "Actin")}
        for plate, kept in cells_of.items()
        for site in range(1, fields + 1)
    ]
    return pd.DataFrame(rows)


def test_plates_of_unusual_counts_are_named(faulty):
    screen = replace(read_screen(faulty), fields=field_table({"Week1_1": 100, "Week2_1": 49, "Week3_1": 201, "Week4_1": 100}))
    wells = pd.concat([screen.wells, screen.wells.assign(plate="Week3_1"), screen.wells.assign(plate="Week4_1")])
    screen = replace(screen, wells=wells)
    assert places_of(screen, "less than half the screen's median of 100 ") == ("Week2_1: 49",)
    assert places_of(screen, "more than twice the screen's median of 100 ") == ("Week3_1: 201",)
    assert not [sentence for sentence in sentences(screen) if "near a border" in sentence]  # exactly half is not more
    lost = replace(screen, fields=screen.fields.assign(at_border=screen.fields["cells"] + 1))
    assert places_of(lost, "too near a border to be cut") == ()


def test_fields_far_out_of_focus_are_named(faulty):
    fields = field_table({"Week1_1": 100, "Week2_1": 100})
    fields.loc[5, "focus_Actin"] = 0.05
    fields.loc[25, "focus_DNA"] = 0.01
    fields.loc[30, "focus_DNA"] = 0.17  # within what the plate's fields do
    named = places_of(replace(read_screen(faulty), fields=fields), "far less sharp")
    assert [place.rsplit(",", 1)[0] for place in named] == ["Week2_1 B02, site 6: DNA", "Week1_1 B02, site 6: Actin"]
    few = field_table({"Week1_1": 100}, fields=7)
    few.loc[0, "focus_DNA"] = 0.01
    assert not [said for said in sentences(replace(read_screen(faulty), fields=few)) if "sharp" in said]


def test_noise_and_saturation_are_named_where_they_are_frequent(faulty):
    screen = read_screen(faulty)
    first = np.flatnonzero(screen.cells["plate"] == "Week1_1")[0]
    bad = screen.cells.copy()
    bad.loc[first, "flagged"] = True
    bad.loc[first, "saturation_Actin"] = 0.02
    bad.loc[first + 1, "saturation_Actin"] = 0.01  # not above the limit
    changed = replace(screen, cells=bad)
    share = f"Week1_1: {1 / (bad['plate'] == 'Week1_1').sum():.1%}"
    assert places_of(changed, "flagged") == (share,)
    assert places_of(changed, "saturated pixels") == (share,)
    assert (count(changed).flagged, count(changed).saturated) == (1, 1)


def test_a_plate_without_a_good_image_is_shown_as_such(tmp_path):
    images = write_fields(tmp_path / "images")
    for file in (images / "Week2_1").iterdir():
        file.write_bytes(b"")
    store = prepare(images, tmp_path / "store", SPEC, progress=False)
    screen = read_screen(store)
    assert places_of(screen, "no cell at all") == ("Week2_1",)
    assert places_of(screen, "faulty images") == ("Week2_1: 12 images",)
    assert [square.state for square in cell_maps(screen).maps[1].squares] == ["faulty"] * 3
    text = write_report(store, tmp_path / "report").read_text()
    assert text.count("Of these plates there is none: Week2_1.") == 2


# plate maps


@pytest.mark.parametrize(
    ("well", "expected"),
    [("A01", (0, 0)), ("B3", (1, 2)), ("H12", (7, 11)), ("P24", (15, 23)), ("AF48", (31, 47)), ("A00", None), ("site7", None)],
)
def test_wells_have_places(well, expected):
    assert place(well) == expected


def test_wells_that_are_empty_faulty_and_absent_differ(faulty, page):
    maps = cell_maps(read_screen(faulty))
    assert (maps.rows, maps.columns) == (8, 12)
    second = {(square.row, square.column): square for square in maps.maps[1].squares}
    assert {where: square.state for where, square in second.items()} == {(1, 1): "value", (1, 2): "faulty", (1, 3): "none"}
    assert [square.control for square in second.values()] == [True, False, False]
    assert (second[1, 1].colour != "", second[1, 3].colour) == (True, "")
    text = page.read_text()
    for state, many in (("value", 8), ("faulty", 2), ("none", 2)):
        assert text.count(f'<g class="{state}"><title>') == many


def test_all_plates_have_one_colour_scale(faulty):
    screen = read_screen(faulty)
    maps = cell_maps(screen)
    assert (maps.scale.low, maps.scale.high) == (0, screen.wells["cells"].max())
    counted = screen.wells.set_index(["plate", "well"])["cells"]
    for plate in maps.maps:
        for square in plate.squares:
            many = counted[plate.plate, f"B{square.column + 1:02d}"]
            assert square.colour == (maps.scale.hexadecimal(many) if many else "")
    assert focus_maps(screen).scale.high < 1


def test_colours_end_with_the_scale():
    scale = ColourScale(low=1, high=3)
    assert scale.hexadecimal(9) == scale.hexadecimal(3) != scale.hexadecimal(2.9)
    assert scale.pixels(np.array([[0.0, 1.0, 3.0]])).shape == (1, 3, 3)
    assert ColourScale(low=1, high=1).hexadecimal(1) == scale.hexadecimal(1)


@pytest.mark.parametrize(("last", "shape"), [("H12", (8, 12)), ("I01", (16, 24)), ("A25", (32, 48)), ("AG01", None)])
def test_plates_are_as_large_as_their_wells_need(tmp_path, last, shape):
    table = cells({"DMSO": 2})
    maps = cell_maps(read_screen(imported(tmp_path / "s", pd.concat([table, table.assign(well=last)], ignore_index=True))))
    assert (maps and (maps.rows, maps.columns)) == shape


# treatments


def test_treatments_are_in_order_and_counted(tmp_path):
    table = cells({"taxol": 3, "DMSO": 12, "AZ-A": 1, "azd": 2})
    more = table[table["compound"] == "taxol"].assign(well="G05", concentration=0.1)
    screen = read_screen(imported(tmp_path / "store", pd.concat([table, more], ignore_index=True)))
    drawn = crops.draw_treatments(screen, tmp_path)
    rows = [(row.compound, row.concentration, row.cells, row.wells) for row in drawn.rows]
    assert rows == [("DMSO", 0, 12, 1), ("AZ-A", 0.3, 1, 1), ("azd", 0.3, 2, 1), ("taxol", 0.1, 3, 1), ("taxol", 0.3, 3, 1)]
    assert [row.picture.width for row in drawn.rows] == [18 * many - 2 for many in (10, 1, 2, 3, 3)]


def test_brighter_treatments_look_brighter(tmp_path):
    table = cells({"DMSO": 10, "bright": 10})
    images = np.random.default_rng(0).integers(500, 1500, (20, 2, 16, 16)).astype(np.uint16)
    images[10:, 1] *= 2
    drawn = crops.draw_treatments(read_screen(imported(tmp_path / "store", table, images)), tmp_path)
    control, bright = (np.asarray(Image.open(tmp_path / row.picture.file))[..., :3].mean(axis=(0, 1)) for row in drawn.rows)
    assert bright[1] > 1.5 * control[1]  # the second channel is green
    assert bright[2] < 1.3 * control[2]  # the first is blue, and alike; the green of the second has a little blue
    low, high = np.percentile(images[:, 1], crops.PERCENTILES)
    assert (drawn.limits[0].low[1], drawn.limits[0].high[1]) == (low, high)


def test_only_chosen_crops_are_read(tmp_path, monkeypatch):
    many = 3 * crops.LIMIT_CELLS
    screen = read_screen(imported(tmp_path / "store", cells({"DMSO": many, "taxol": many})))
    read = []
    whole = CellStore.images
    monkeypatch.setattr(CellStore, "images", lambda store, rows: read.append(len(rows)) or whole(store, rows))
    crops.draw_treatments(screen, tmp_path)
    assert sum(read) == crops.LIMIT_CELLS + 2 * crops.CROPS < 2 * many


def test_many_treatments_have_fewer_crops_each(tmp_path):
    compounds = {f"c{number}": 7 for number in range(crops.MANY_TREATMENTS + 1)}
    table = cells(compounds).assign(well="B02")
    table["well"] = [f"{chr(ord('A') + row // 24)}{row % 24 + 1:02d}" for row in table.groupby("compound", sort=False).ngroup()]
    drawn = crops.draw_treatments(read_screen(imported(tmp_path / "store", table)), tmp_path)
    assert drawn.shown == crops.CROPS_OF_MANY
    assert {row.picture.width for row in drawn.rows} == {18 * crops.CROPS_OF_MANY - 2}


# the command line, and real cells


def test_the_command_line_writes_into_the_store_or_where_it_is_told(tmp_path, cli, monkeypatch):
    store = imported(tmp_path / "store", cells({"DMSO": 3}))
    called = cli("data", "report", store.path)
    assert (called.status, called.out) == (0, f"{store.path / 'report' / 'index.html'}\n")
    told = cli("data", "report", store.path, "--out", tmp_path / "told")
    assert told.out == f"{tmp_path / 'told' / 'index.html'}\n"
    assert contents(store.path / "report") == contents(tmp_path / "told")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cytobench.datasets.embedded.simulated", lambda: store)
    assert cli("data", "report", "simulated").out == "report-simulated/index.html\n"
    assert (tmp_path / "report-simulated" / "index.html").is_file()


def test_profiles_have_nothing_to_show(tmp_path, cli, profiles):
    profiles.to_csv(tmp_path / "profiles.csv", index=False)
    assert "is a table of profiles, without cells to show" in cli("data", "report", tmp_path / "profiles.csv").sentence
    assert "neither a cell store" in cli("data", "report", tmp_path).sentence


def test_real_crops(data, tmp_path):
    store = open_dataset("bbbc021-crops")
    page = write_report(store, tmp_path / "report")
    text = page.read_text()
    assert "1,996 crops of 68 × 68 px" in text
    assert text.count('class="plate"') == 55
    assert len(list(page.parent.glob("crops-*.png"))) == 104
    shown = re.search(r'alt="crops of DMSO 0" title="([^"]*)"', text)[1].split(", ")
    assert len({well.split()[0] for well in shown}) > 5  # of the ten, chosen from all plates
    assert referenced(page)[0] == "crops-0000-DMSO-0.png"
    controls = store.cells[store.cells["compound"] == "DMSO"]
    without = set(store.cells["plate"]) - set(controls["plate"])
    assert set(places_of(read_screen(store), "no DMSO cell")) == without
    assert f"{len(controls)} crops, {len(controls[['plate', 'well']].drop_duplicates())} wells" in text
