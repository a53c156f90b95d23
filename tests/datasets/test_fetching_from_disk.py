"""Archives and images that are on disk already, of BBBC021 or of another set in its layout."""

import gzip
import hashlib
import json
import os
import shutil
from collections import namedtuple

import plate_archives
import pytest
import requests
from plate_archives import IMAGE_TABLE, MOA_TABLE, PLATES, archive_of, write_images

from cytobench.datasets.fetching import local_folder
from cytobench.datasets.fetching.fetch import fetch_bbbc021
from cytobench.datasets.fetching.mirror import Mirror
from cytobench.errors import CytoBenchError

FIRST = PLATES[0]
LAYOUTS = ["{plate}", "{week}/{plate}"]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(requests.Session, "send", refuse)
    monkeypatch.delenv("CYTOBENCH_DATA", raising=False)


@pytest.fixture
def fetch(tmp_path):
    return lambda source, **options: fetch_bbbc021(options.pop("to", tmp_path / "set"), source=source, progress=False, **options)


def write_archives(folder, plates=PLATES, place="{name}"):
    write_images(folder, ())
    for plate in plates:
        path = folder / place.format(week=plate.split("_")[0], name=archive_of(plate))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(plate_archives.archive(plate))
    return folder


def images_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def files_in(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def recorded(folder):
    return json.loads((folder / "fetched.json").read_text())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_are_linked(fetch, tmp_path, layout):
    source = write_images(tmp_path / "brought", layout=layout)
    before = files_in(source)
    summary = fetch(source)
    assert (summary.plates, summary.images, summary.damaged, summary.plates_in_table) == (PLATES, 36, 0, 3)
    for plate in PLATES:
        assert images_in(tmp_path / "set" / plate) == plate_archives.images_of(plate)
        original = source / layout.format(week=plate.split("_")[0], plate=plate)
        assert all((original / path.name).samefile(path) for path in (tmp_path / "set" / plate).iterdir())
    assert files_in(source) == before


def test_images_are_copied_where_they_cannot_be_linked(fetch, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    source = write_images(tmp_path / "brought")
    assert fetch(source).images == 36
    some = plate_archives.names_of(FIRST)[0]
    assert not (source / FIRST / some).samefile(tmp_path / "set" / FIRST / some)


def test_copies_need_room(fetch, tmp_path, monkeypatch):
    source = write_images(tmp_path / "brought", [FIRST])
    monkeypatch.setattr(local_folder, "_on_one_disk", lambda *_: False)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 1000))
    with pytest.raises(CytoBenchError, match=r"copies of .* need 0\.2 MB, but only 0\.0 MB are free there"):
        fetch(source)
    assert not (tmp_path / "set" / FIRST).exists()


@pytest.mark.parametrize("place", ["{name}", "{week}/{name}", "archives/{name}"])
def test_archives_are_unpacked_and_stay(fetch, tmp_path, place):
    source = write_archives(tmp_path / "brought", place=place)
    before = files_in(source)
    assert fetch(source).images == 36
    assert images_in(tmp_path / "set" / FIRST) == plate_archives.images_of(FIRST)
    assert files_in(source) == before
    entry = recorded(tmp_path / "set")["archives"][archive_of(FIRST)]
    assert entry["sha256"] == hashlib.sha256(plate_archives.archive(FIRST)).hexdigest()
    assert entry["source"] == str(source / place.format(week="Week1", name=archive_of(FIRST)))


def test_an_archive_that_changed_is_refused(fetch, tmp_path):
    source = write_archives(tmp_path / "brought")
    fetch(source)
    shutil.rmtree(tmp_path / "set" / FIRST)
    (source / archive_of(FIRST)).write_bytes(plate_archives.archive(FIRST, ""))
    with pytest.raises(CytoBenchError, match=rf"{archive_of(FIRST)}: not the archive that was first fetched from {source}"):
        fetch(source)
    assert not (tmp_path / "set" / FIRST).exists()


def test_the_first_source_of_an_archive_stays_recorded(fetch, tmp_path):
    fetch(write_archives(tmp_path / "brought", [FIRST]))
    shutil.rmtree(tmp_path / "set" / FIRST)
    shutil.move(tmp_path / "brought", tmp_path / "moved")
    assert fetch(tmp_path / "moved").images == 12
    assert recorded(tmp_path / "set")["archives"][archive_of(FIRST)]["source"] == str(tmp_path / "brought" / archive_of(FIRST))


def test_a_truncated_archive_is_refused_and_left(fetch, tmp_path):
    source = write_archives(tmp_path / "brought", [FIRST])
    content = (source / archive_of(FIRST)).read_bytes()
    (source / archive_of(FIRST)).write_bytes(content[:-100])
    with pytest.raises(CytoBenchError, match="not a whole zip archive"):
        fetch(source)
    assert (source / archive_of(FIRST)).is_file()
    assert recorded(tmp_path / "set")["archives"] == {}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_are_verified_in_place(fetch, tmp_path, layout):
    source = write_images(tmp_path / "brought", layout=layout)
    place = source / layout.format(week="Week1", plate=FIRST)
    short, lost = plate_archives.names_of(FIRST)[:2]
    (place / short).write_bytes((place / short).read_bytes()[:-1])
    (place / lost).unlink()
    before = files_in(source)
    summary = fetch(source, to=source)
    assert (summary.images, summary.damaged) == (34, 2)
    listed = (source / "damaged.csv").read_text().splitlines()
    assert listed[0] == "plate,file,reason"
    assert {line.split(",")[1] for line in listed[1:]} == {short, lost}
    assert files_in(source).keys() - before.keys() == {source.joinpath(name).relative_to(source) for name in NEW}
    assert {path: content for path, content in files_in(source).items() if path in before} == before


NEW = ("damaged.csv", "fetched.json", ".fetch.lock")


def test_a_bit_that_rots_is_found_by_verifying_again(fetch, tmp_path):
    source = write_images(tmp_path / "brought")
    assert fetch(source, to=source).damaged == 0
    rotten = source / FIRST / plate_archives.names_of(FIRST)[0]
    rotten.write_bytes(bytes(rotten.stat().st_size))
    assert fetch(source, to=source).damaged == 1


def test_archives_beside_the_tables_are_unpacked_in_place(fetch, tmp_path):
    source = write_archives(tmp_path / "brought", [FIRST])
    assert fetch(source, to=source).images == 12
    assert images_in(source / FIRST) == plate_archives.images_of(FIRST)
    assert (source / archive_of(FIRST)).is_file()


def test_without_plates_those_that_are_there_are_taken(fetch, tmp_path):
    source = write_images(tmp_path / "brought", [PLATES[2]])
    summary = fetch(source)
    assert (summary.plates, summary.plates_in_table) == ((PLATES[2],), 3)
    with pytest.raises(CytoBenchError, match=rf"brought: has neither a folder {FIRST}/ nor {archive_of(FIRST)}; put one there"):
        fetch(source, plates=[FIRST])


def test_a_folder_without_plates_is_said(fetch, tmp_path):
    source = write_images(tmp_path / "brought", [])
    with pytest.raises(CytoBenchError, match=rf"has none of the 3 plates of the image table: neither folders like {FIRST}/ nor"):
        fetch(source)
    with pytest.raises(CytoBenchError, match=r"nowhere: no such folder; --from names a folder"):
        fetch(tmp_path / "nowhere")


def test_own_tables_are_taken_and_said(fetch, tmp_path):
    source = write_images(tmp_path / "brought")
    for name in (IMAGE_TABLE, MOA_TABLE):
        (source / f"{name}.gz").write_bytes(gzip.compress((source / name).read_bytes()))
        (source / name).unlink()
    summary = fetch(source)
    assert not summary.official and str(summary).endswith(", with tables of its own, not BBBC021's official ones")
    entry = recorded(tmp_path / "set")["tables"][IMAGE_TABLE]
    assert (entry["official"], entry["source"]) == (False, str(source / f"{IMAGE_TABLE}.gz"))
    assert (tmp_path / "set" / IMAGE_TABLE).read_bytes() == plate_archives.tables()[IMAGE_TABLE]


def test_the_mark_of_a_simulated_set_goes_with_it(fetch, tmp_path):
    source = write_images(tmp_path / "brought")
    (source / "simulated.json").write_text("{}")
    fetch(source)
    assert (tmp_path / "set" / "simulated.json").read_text() == "{}"


def test_sets_with_other_tables_are_not_mixed(fetch, tmp_path):
    fetch(write_images(tmp_path / "brought"))
    other = write_images(tmp_path / "other")
    (other / MOA_TABLE).write_text("compound,concentration,moa\n")
    with pytest.raises(CytoBenchError, match=rf"{MOA_TABLE}: another table than {other / MOA_TABLE}, so of another image set"):
        fetch(other)


def test_tables_are_looked_for_under_the_data_folder(fetch, tmp_path, monkeypatch):
    source = write_images(tmp_path / "brought")
    (tmp_path / "data" / "bbbc021").mkdir(parents=True)
    shutil.move(source / MOA_TABLE, tmp_path / "data" / "bbbc021")
    (tmp_path / "data" / "bbbc021" / f"{IMAGE_TABLE}.gz").write_bytes(gzip.compress((source / IMAGE_TABLE).read_bytes()))
    (source / IMAGE_TABLE).unlink()
    monkeypatch.setenv("CYTOBENCH_DATA", str(tmp_path / "data"))
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in plate_archives.tables().items()}
    assert fetch(source, mirror=Mirror(tables=digests)).official
    assert recorded(tmp_path / "set")["tables"][MOA_TABLE]["source"] == str(tmp_path / "data" / "bbbc021" / MOA_TABLE)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "Image_FileName_Actin",
            "Image_FileName_Aktin",
            "has no column 'Image_FileName_Actin'; did you mean 'Image_FileName_Aktin'?",
        ),
        ("Week1_22141,", "../evil,", "line 6 has '../evil' as Image_Metadata_Plate_DAPI"),
        ("B02_s1_w1", "../B02_s1_w1", "as Image_FileName_DAPI"),
        ("B02_s1_w1", "C:B02_s1_w1", "line 2 has 'C:B02_s1_w1"),
        (".tif", ".exe", "as Image_FileName_DAPI"),
        ("Week1_22123,", ",", "line 2 has '' as Image_Metadata_Plate_DAPI"),
    ],
)
def test_a_table_that_names_what_it_must_not_is_refused(fetch, tmp_path, old, new, sentence):
    source = write_images(tmp_path / "brought")
    table = (source / IMAGE_TABLE).read_text()
    assert old in table
    (source / IMAGE_TABLE).write_text(table.replace(old, new))
    with pytest.raises(CytoBenchError) as caught:
        fetch(source)
    assert f"{IMAGE_TABLE}: " in str(caught.value) and sentence in str(caught.value)


@pytest.mark.parametrize("harm", [lambda raw: raw[:200], lambda _: b"not gzip"])
def test_a_damaged_packed_table_is_said(fetch, tmp_path, harm):
    source = write_images(tmp_path / "brought")
    (source / f"{IMAGE_TABLE}.gz").write_bytes(harm(gzip.compress((source / IMAGE_TABLE).read_bytes())))
    (source / IMAGE_TABLE).unlink()
    with pytest.raises(CytoBenchError, match=rf"{IMAGE_TABLE}\.gz: damaged \(.*\); bring the table again"):
        fetch(source)


def test_a_record_of_another_version_is_refused(fetch, tmp_path):
    source = write_images(tmp_path / "brought")
    (source / "fetched.json").write_text('{"schema_version": 2}')
    with pytest.raises(CytoBenchError, match=r"fetched\.json: schema version 2, but this CytoBench reads version 1"):
        fetch(source, to=source)


def test_the_command_verifies_a_folder_in_place(cli, tmp_path):
    source = write_images(tmp_path / "brought", [FIRST])
    called = cli("data", "fetch", "bbbc021", "--from", source)
    assert (called.status, called.err) == (0, "")
    assert called.out.startswith(f"{source}: 1 of 3 plates, 12 images that can be used, 0.2 MB, with tables of its own")
