"""Image sets in BBBC021's layouts and in anyone's; what is wrong with a table is one sentence."""

import gzip
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
import tifffile
from small_fields import CHANNELS, SIZE, write_fields

from cytobench.datasets.image_set import ImageSet
from cytobench.errors import CytoBenchError
from cytobench.imaging.tiff import ImageError

TABLE = "BBBC021_v1_image.csv"
PLATE = "Week4_27481"


@pytest.fixture
def official(tmp_path, data):
    """An image set with BBBC021's own table and nothing else."""
    shutil.copy(data / "bbbc021" / f"{TABLE}.gz", tmp_path)
    return tmp_path


def names_of(folder, plate=PLATE):
    with gzip.open(folder / f"{TABLE}.gz") as file:
        table = pd.read_csv(file)
    return table[table["Image_Metadata_Plate_DAPI"] == plate]["Image_FileName_DAPI"]


@pytest.mark.parametrize("layout", ["Week4_27481", "Week4/Week4_27481"])
def test_both_layouts_of_bbbc021(official, layout):
    (official / layout).mkdir(parents=True)
    for name in names_of(official):
        (official / layout / name).touch()
    images = ImageSet.read(official)
    assert images.plates == (PLATE,)
    assert images.channels == ("DAPI", "Tubulin", "Actin")
    assert not images.simulated
    assert "BBBC021v1" in images.source
    fields = images.fields(PLATE)
    assert len(fields) == 240
    first = fields[0]
    assert (first.well, first.site, first.compound, first.concentration) == ("B02", 1, "DMSO", 0.0)
    assert [field.site for field in fields[:5]] == [1, 2, 3, 4, 1]
    assert first.images[0].path.parent == official / layout
    assert len({image for field in fields for image in field.images}) == 720


@pytest.mark.parametrize("inside", ["{plate}/", "Week4/{plate}/", ""])
def test_images_may_lie_in_the_plate_s_archive(official, inside):
    name = names_of(official).iloc[0]
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    tifffile.imwrite(official / "one.tif", pixels)
    with zipfile.ZipFile(official / f"BBBC021_v1_images_{PLATE}.zip", "w") as archive:
        archive.write(official / "one.tif", inside.format(plate=PLATE) + name)
    images = ImageSet.read(official)
    found = {image.path.name if image.member is None else image.member.split("/")[-1]: image
             for field in images.fields(PLATE) for image in field.images}  # fmt: skip
    np.testing.assert_array_equal(found[name].read(), pixels)
    other = next(image for member, image in found.items() if member != name)
    with pytest.raises(ImageError, match="^missing$"):
        other.read()


def test_the_same_table_zipped_or_not_is_the_same(official, tmp_path):
    (official / PLATE).mkdir()
    zipped = ImageSet.read(official).table_sha256
    with gzip.open(official / f"{TABLE}.gz") as file:
        (official / TABLE).write_bytes(file.read())
    assert ImageSet.read(official).table_sha256 == zipped


def test_plates_come_in_the_order_of_their_numbers(tmp_path):
    images = ImageSet.read(write_fields(tmp_path, ("Week10_1", "Week2_7", "Week2_12")))
    assert images.plates == ("Week2_7", "Week2_12", "Week10_1")
    assert images.choose(["Week10_1", "Week2_7"]) == ("Week2_7", "Week10_1")
    with pytest.raises(CytoBenchError, match="has no images of a plate 'Week2_8'; did you mean 'Week2_"):
        images.choose(["Week2_8"])


def test_the_order_of_the_channels_can_be_chosen(tmp_path):
    folder = write_fields(tmp_path)
    first = ImageSet.read(folder, ["Actin", "DNA"]).fields("Week1_1")[0]
    assert [image.path.name for image in first.images] == ["B02_s1_Actin.tif", "B02_s1_DNA.tif"]
    assert first.images[0].read().shape == SIZE
    for wrong, sentence in ((["DAPI"], "has no channel 'DAPI', only DNA, Actin"), (["DNA", "DNA"], "name each once")):
        with pytest.raises(CytoBenchError, match=sentence):
            ImageSet.read(folder, wrong)


def test_sites_and_replicates_are_counted_where_the_table_has_none(tmp_path):
    folder = write_fields(tmp_path)
    table = pd.read_csv(folder / "fields.csv").drop(columns="site")
    table.to_csv(folder / "fields.csv", index=False)
    fields = ImageSet.read(folder).fields("Week1_1")
    assert [(field.well, field.site) for field in fields[:3]] == [("B02", 1), ("B02", 2), ("B03", 1)]
    assert {field.replicate for field in fields} == {1}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda table: table.drop(columns="compound"), "has no column 'compound'"),
        (lambda table: table.rename(columns={"well": "wells"}), "has no column 'well'; did you mean 'wells'"),
        (lambda table: table.assign(plate=table["plate"].where(table.index != 3)), "line 5 has no plate"),
        (lambda table: table.assign(site=1), "line 3 lists plate Week1_1, well B02, site 1 again"),
        (lambda table: table.assign(concentration=-1.0), "line 2 has the concentration '-1.0'; it is a number, 0 or more"),
        (lambda table: table.assign(concentration="inf"), "line 2 has the concentration"),
        (lambda table: table.assign(site=1.5), "line 2 has the site '1.5'; it is a whole number"),
        (lambda table: table.assign(plate="../up"), "line 2 has the plate '../up'; files are named after plates"),
        (lambda table: table.assign(plate="Week1_1 "), "no blanks around it"),
        (lambda table: table.assign(well="B2"), "line 2 has the well 'B2'; a well is a row and a column of two digits"),
        (lambda table: table.assign(compound="dmso"), "the negative control is written DMSO"),
        (lambda table: table.assign(compound="DMSO "), "line 2 has the compound 'DMSO '; no blanks around it"),
        (lambda table: table.assign(well="B02", site=range(1, 13)), "B02"),
        (lambda table: table.assign(DNA=table["Actin"]), "line 2 lists the image Week1_1/B02_s1_Actin.tif again"),
        (lambda table: table.head(0), "has no row"),
        (lambda table: table.assign(concentration="high"), "line 2 has the concentration 'high'; it is a number"),
        (lambda table: table.drop(columns=list(CHANNELS)), "no column names .tif files, one a channel"),
        (lambda table: table.head(1).assign(plate="Week3_1", DNA="x.tif"), "has images of none of the 1 plates"),
    ],
)
def test_a_table_that_is_not_whole_is_refused(tmp_path, change, sentence):
    folder = write_fields(tmp_path)
    change(pd.read_csv(folder / "fields.csv")).to_csv(folder / "fields.csv", index=False)
    with pytest.raises(CytoBenchError, match=sentence):
        ImageSet.read(folder)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(CytoBenchError, match="no such folder"):
        ImageSet.read(tmp_path / "nowhere")
    with pytest.raises(CytoBenchError, match="not an image set"):
        ImageSet.read(tmp_path)
    (tmp_path / TABLE).write_text("a,b\n1,2\n")
    with pytest.raises(CytoBenchError, match="it is not BBBC021's image table"):
        ImageSet.read(tmp_path)
    (tmp_path / f"{TABLE}.gz").write_bytes(b"no archive")
    (tmp_path / TABLE).unlink()
    with pytest.raises(CytoBenchError, match="cannot be read as CSV"):
        ImageSet.read(tmp_path)


def test_what_else_a_table_holds_is_left_aside(tmp_path):
    folder = write_fields(tmp_path)
    table = pd.read_csv(folder / "fields.csv").assign(moa="Actin disruptors", notes=np.nan, row=1)
    table.to_csv(folder / "fields.csv", index=False)
    images = ImageSet.read(folder)
    assert images.channels == CHANNELS
    assert not {"moa", "notes", "row"} & set(images.table)


def test_a_table_separated_otherwise_says_so(tmp_path):
    folder = write_fields(tmp_path)
    pd.read_csv(folder / "fields.csv").to_csv(folder / "fields.csv", index=False, sep=";")
    with pytest.raises(CytoBenchError, match="has one column only, .*save it separated by commas"):
        ImageSet.read(folder)
    (folder / "fields.csv").write_text("plate,well\nWeek1_1,B02µ\n", encoding="utf-16")
    with pytest.raises(CytoBenchError, match="not UTF-8 text"):
        ImageSet.read(folder)


def test_names_that_look_like_missing_values_are_names(tmp_path):
    folder = write_fields(tmp_path)
    table = pd.read_csv(folder / "fields.csv").assign(compound="NA", plate="None")
    table.assign(site=range(len(table))).to_csv(folder / "fields.csv", index=False)
    assert {field.compound for field in ImageSet.read(folder).fields("None")} == {"NA"}


def test_drawn_images_are_known_by_their_names(tmp_path):
    folder = write_fields(tmp_path, ("Week1_1",))
    table = pd.read_csv(folder / "fields.csv")
    for row, name in enumerate(table["DNA"]):
        (folder / name).rename(folder / f"Week1_1/Week1_simulated_{row}.tif")
        table.loc[row, "DNA"] = f"Week1_1/Week1_simulated_{row}.tif"
    table.to_csv(folder / "fields.csv", index=False)
    assert ImageSet.read(folder).simulated


@pytest.mark.parametrize("harm", ["member", "archive"])
def test_damage_in_an_archive_is_a_fault_of_its_images(official, harm):
    names = names_of(official).iloc[:2]
    tifffile.imwrite(official / "one.tif", np.random.default_rng(0).integers(0, 999, (64, 64)).astype(np.uint16))
    path = official / f"BBBC021_v1_images_{PLATE}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(official / "one.tif", f"{PLATE}/{name}")
    content = bytearray(path.read_bytes())
    content[300:500] = bytes(200)
    path.write_bytes(content if harm == "member" else content[: len(content) // 2])
    images = [image for field in ImageSet.read(official).fields(PLATE) for image in field.images]
    bad = next(image for image in images if image.member and image.member.endswith(names.iloc[0]))
    with pytest.raises(ImageError, match="cannot be read from its archive|cannot be decoded"):
        bad.read()
