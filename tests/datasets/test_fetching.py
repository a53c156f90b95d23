"""Fetching from a server, from the tables to the last image; the server is a real one on 127.0.0.1."""

import csv
import gzip
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pandas as pd
import plate_archives
import pytest
from loopback import Loopback, Mishap
from plate_archives import IMAGE_TABLE, MOA_TABLE, PLATES, archive_of

from cytobench.datasets.fetching import decoding
from cytobench.datasets.fetching.fetch import fetch_bbbc021
from cytobench.datasets.fetching.mirror import IMAGE_BYTES, LICENCE, TABLES, URL, Mirror
from cytobench.errors import CytoBenchError

FIRST = PLATES[0]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Loopback(plate_archives.served()) as running:
        yield running


@pytest.fixture
def mirror(server):
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in plate_archives.tables().items()}
    return Mirror(url=server.url, tables=digests, tries=2, wait=0.01, timeout=0.5)


@pytest.fixture
def fetch(mirror, tmp_path):
    return lambda **options: fetch_bbbc021(tmp_path / "set", mirror=options.pop("mirror", mirror), progress=False, **options)


def images_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def damaged_in(folder):
    with (folder / "damaged.csv").open(encoding="utf-8", newline="") as file:
        return [tuple(row.values()) for row in csv.DictReader(file)]


def test_the_whole_set_is_brought_and_every_byte_is_right(fetch, server, tmp_path, capsys):
    summary = fetch()
    assert (summary.plates, summary.images, summary.damaged, summary.official) == (PLATES, 36, 0, True)
    assert summary.bytes == sum(len(content) for plate in PLATES for content in plate_archives.images_of(plate).values())
    for plate in PLATES:
        assert images_in(tmp_path / "set" / plate) == plate_archives.images_of(plate)
    for name, content in plate_archives.tables().items():
        assert (tmp_path / "set" / name).read_bytes() == content
    assert damaged_in(tmp_path / "set") == []
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == sorted(
        [".fetch.lock", "damaged.csv", "fetched.json", IMAGE_TABLE, MOA_TABLE, *PLATES]
    )
    assert LICENCE in capsys.readouterr().err


def test_it_is_read_as_an_image_set(fetch, tmp_path):
    from cytobench.datasets.image_set import ImageSet

    fetch()
    found = ImageSet.read(tmp_path / "set")
    assert found.plates == PLATES
    (image, *_), *_ = (one.images for one in found.fields(FIRST))
    assert image.read().shape == (80, 96)


def test_a_second_fetch_asks_for_no_archive_and_says_no_licence(fetch, server, capsys):
    first = fetch()
    asked = len(server.asked)
    capsys.readouterr()
    assert fetch() == first
    assert len(server.asked) == asked
    assert capsys.readouterr().err == ""


def test_equal_fetches_write_equal_records(fetch, tmp_path):
    fetch(plates=[PLATES[2], FIRST])
    record = (tmp_path / "set" / "fetched.json").read_bytes()
    shutil.rmtree(tmp_path / "set")
    fetch(plates=[FIRST])
    fetch(plates=[PLATES[2]])
    assert (tmp_path / "set" / "fetched.json").read_bytes() == record


def test_the_first_archive_is_recorded_and_another_refused(fetch, server, tmp_path):
    fetch(plates=[FIRST])
    name = archive_of(FIRST)
    entry = json.loads((tmp_path / "set" / "fetched.json").read_text())["archives"][name]
    content = server.files[name]
    assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "source": server.url + name}
    shutil.rmtree(tmp_path / "set" / FIRST)
    server.files[name] = plate_archives.archive(FIRST, folder="")
    with pytest.raises(CytoBenchError, match=rf"{name}: not the archive that was first fetched from {server.url}.* was not unpa"):
        fetch(plates=[FIRST])
    assert not (tmp_path / "set" / FIRST).exists()
    server.files[name] = content
    assert fetch(plates=[FIRST]).images == 12


def test_archives_are_kept_where_that_is_asked_and_not_fetched_again(fetch, server, tmp_path):
    fetch(plates=[FIRST], keep_archives=True)
    assert (tmp_path / "set" / "archives" / archive_of(FIRST)).read_bytes() == server.files[archive_of(FIRST)]
    shutil.rmtree(tmp_path / "set" / FIRST)
    assert fetch(plates=[FIRST]).images == 12
    assert len(server.gets(archive_of(FIRST))) == 1
    assert not (tmp_path / "set" / "archives").exists()


def test_a_kept_archive_that_was_damaged_since_is_fetched_again(fetch, server, tmp_path):
    fetch(plates=[FIRST], keep_archives=True)
    (tmp_path / "set" / "archives" / archive_of(FIRST)).write_bytes(b"rotten")
    shutil.rmtree(tmp_path / "set" / FIRST)
    assert fetch(plates=[FIRST]).images == 12
    assert len(server.gets(archive_of(FIRST))) == 2


def test_damaged_and_missing_images_are_listed_and_the_rest_is_kept(fetch, server, tmp_path):
    short, lost, words = plate_archives.names_of(FIRST)[:3]
    members = dict(plate_archives.images_of(FIRST))
    members |= {short: members[short][:1000], words: b"no image at all"}
    del members[lost]
    server.files[archive_of(FIRST)] = plate_archives.zipped({f"{FIRST}/{name}": content for name, content in members.items()})
    summary = fetch(plates=[FIRST, PLATES[1]])
    assert (summary.images, summary.damaged) == (21, 3)
    found = {file: (plate, reason) for plate, file, reason in damaged_in(tmp_path / "set")}
    assert found.keys() == {short, lost, words}
    assert found[lost] == (FIRST, "missing")
    assert found[short][1].startswith("cannot be decoded") and found[words][1].startswith("cannot be decoded")
    assert fetch(plates=[FIRST, PLATES[1]]) == summary


def test_an_image_that_was_lost_or_mended_later_is_noticed(fetch, tmp_path):
    fetch(plates=[FIRST])
    lost = tmp_path / "set" / FIRST / plate_archives.names_of(FIRST)[5]
    content = lost.read_bytes()
    lost.unlink()
    assert fetch(plates=[FIRST]).damaged == 1
    assert damaged_in(tmp_path / "set") == [(FIRST, lost.name, "missing")]
    lost.write_bytes(content)
    assert fetch(plates=[FIRST]).damaged == 0
    assert damaged_in(tmp_path / "set") == []


def test_only_damaged_images_are_decoded_again(fetch, server, tmp_path, monkeypatch):
    short = plate_archives.names_of(FIRST)[4]
    server.files[archive_of(FIRST)] = plate_archives.archive(FIRST, **{short: b"II*"})
    fetch(plates=[FIRST])
    decoded = []
    monkeypatch.setattr(decoding, "read_tiff", lambda path: decoded.append(path.name))
    fetch(plates=[FIRST])
    assert decoded == [short]


def test_a_plate_that_was_removed_is_damaged_no_more(fetch, server, tmp_path):
    server.files[archive_of(FIRST)] = plate_archives.archive(FIRST, **{plate_archives.names_of(FIRST)[4]: b"II*"})
    fetch(plates=[FIRST])
    assert len(damaged_in(tmp_path / "set")) == 1
    shutil.rmtree(tmp_path / "set" / FIRST)
    fetch(plates=[PLATES[1]])
    assert damaged_in(tmp_path / "set") == []


def test_nothing_but_damaged_images_is_an_error(fetch, server, tmp_path):
    rotten = dict.fromkeys(plate_archives.names_of(FIRST), b"rotten")
    server.files[archive_of(FIRST)] = plate_archives.archive(FIRST, **rotten)
    with pytest.raises(CytoBenchError, match=r"set: none of the 12 images can be used; .*damaged\.csv says why of each$"):
        fetch(plates=[FIRST])
    assert len(damaged_in(tmp_path / "set")) == 12


def test_an_archive_that_is_not_whole_at_its_server_is_not_kept(fetch, server, tmp_path):
    name = archive_of(FIRST)
    content = server.files[name]
    server.files[name] = content[: len(content) // 2]
    with pytest.raises(CytoBenchError, match=rf"{name}: not a whole zip archive \(.*\); get it again$"):
        fetch()
    assert not (tmp_path / "set" / FIRST).exists()
    assert all((tmp_path / "set" / plate).is_dir() for plate in PLATES[1:]), "the other plates must be brought"
    server.files[name] = content
    assert fetch().images == 36


@pytest.mark.parametrize(("keep", "plates", "archives"), [(False, 1, 1), (False, 3, 2), (True, 3, 3)])
def test_nothing_is_fetched_where_there_is_no_room(fetch, server, tmp_path, monkeypatch, keep, plates, archives):
    largest = sorted((len(content) for name, content in server.files.items() if name.endswith(".zip")), reverse=True)
    needed = sum(largest[:archives]) + 12 * plates * IMAGE_BYTES
    if plates == 1:
        needed = len(server.files[archive_of(FIRST)]) + 12 * IMAGE_BYTES
    free = {"bytes": needed - 1}
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, free["bytes"]))
    options = {"plates": PLATES[:plates], "workers": 2, "keep_archives": keep}
    with pytest.raises(CytoBenchError, match=rf"set: {archives} archives at a time and {12 * plates} images need .* are free"):
        fetch(**options)
    assert {asked.verb for asked in server.archives()} == {"HEAD"}
    free["bytes"] += 1
    assert fetch(**options).images == 12 * plates


def test_what_has_arrived_needs_no_more_room_and_what_a_killed_call_left_is_removed(fetch, server, tmp_path, monkeypatch):
    archives = tmp_path / "set" / "archives"
    archives.mkdir(parents=True)
    content = server.files[archive_of(FIRST)]
    (archives / f"{archive_of(FIRST)}.part").write_bytes(content[:90_000])
    (archives / "tmpk3x_1f").write_bytes(b"left")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, len(content) - 90_000 + 12 * IMAGE_BYTES))
    assert fetch(plates=[FIRST]).images == 12
    assert [asked.start for asked in server.gets(archive_of(FIRST))] == [90_000]
    assert not archives.exists()


def test_an_archive_whose_size_is_not_said_is_taken_for_an_average_one(fetch, server, monkeypatch):
    server.refuses_head = True
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 750_000_000))
    with pytest.raises(CytoBenchError, match=r"need 0\.8 GB, but only 0\.8 GB are free there; free some space"):
        fetch(plates=[FIRST])
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert fetch(plates=[FIRST]).images == 12


def test_an_unknown_plate_names_the_nearest(fetch, server):
    sentence = rf"unknown plate 'Week1_2212'; did you mean '{FIRST}'\? \(.*{IMAGE_TABLE} names 3 plates\)$"
    with pytest.raises(CytoBenchError, match=sentence):
        fetch(plates=["Week1_2212"])
    assert server.archives() == []


def test_a_missing_archive_is_said_before_anything_is_fetched(fetch, server):
    del server.files[archive_of(PLATES[1])]
    sentence = rf"{server.url}{archive_of(PLATES[1])}: the server does not give this file \(404 Not Found\); check the address"
    with pytest.raises(CytoBenchError, match=sentence):
        fetch()
    assert {asked.verb for asked in server.archives()} == {"HEAD"}


def test_a_table_with_another_hash_is_refused(fetch, server, tmp_path):
    server.files[MOA_TABLE] += b"\n"
    with pytest.raises(CytoBenchError, match=rf"{MOA_TABLE}: not BBBC021's official table .* nothing of it was kept: try again"):
        fetch()
    assert not (tmp_path / "set" / MOA_TABLE).exists()
    assert server.archives() == []


def test_a_folder_of_another_image_set_is_left_alone(fetch, server, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / IMAGE_TABLE).write_text("mine\n")
    with pytest.raises(CytoBenchError, match=r"not BBBC021's official table, so this folder is another image set's"):
        fetch()
    assert (tmp_path / "set" / IMAGE_TABLE).read_text() == "mine\n"
    assert server.asked == []


def test_two_fetches_into_one_folder_do_not_meet(fetch, tmp_path, another_process):
    lock = tmp_path / "set" / ".fetch.lock"
    (tmp_path / "set").mkdir()
    code = f"from filelock import FileLock\nwith FileLock({str(lock)!r}):\n    print('held', flush=True)\n    sys.stdin.read()"
    with another_process(code), pytest.raises(CytoBenchError, match="set is being written by another process"):
        fetch()
    assert fetch().images == 36


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "/on/disk", ""])
def test_a_mirror_that_is_no_web_address_is_refused(tmp_path, url):
    with pytest.raises(CytoBenchError, match="a mirror's address begins with https:// or http://"):
        fetch_bbbc021(tmp_path, mirror=url)


FETCHING = """
import os, signal, time
from cytobench.datasets.fetching import archive, fetch, ledger, mirror
{sabotage}
fetch.fetch_bbbc021({to!r}, plates={plates!r}, workers=1, mirror=mirror.Mirror(**{mirror!r}), progress=False)
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)"
WHILE_UNPACKING = f"""
copy, done = archive.shutil.copyfileobj, []
def copy_some(*arguments):
    done.append(copy(*arguments))
    if len(done) == 5: {KILL}
archive.shutil.copyfileobj = copy_some
"""
BEFORE_THE_ENTRY = f"ledger.Ledger.enter_plate = lambda *_: {KILL}"


def fetching(mirror, to, plates, sabotage=""):
    code = FETCHING.format(sabotage=sabotage, to=str(to), plates=list(plates), mirror=mirror.model_dump())
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


def wait_for(happened, seconds=30.0):
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("sabotage", "folder"), [(WHILE_UNPACKING, f".unpacking-{FIRST}"), (BEFORE_THE_ENTRY, FIRST)], ids=["unpacking", "entry"]
)
def test_what_was_killed_is_finished_by_the_next_call(fetch, server, mirror, tmp_path, sabotage, folder):
    with fetching(mirror, tmp_path / "set", [FIRST], sabotage) as process:
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    plates = {path.name for path in (tmp_path / "set").iterdir() if path.is_dir()}
    assert plates == {folder, "archives"}
    assert fetch(plates=[FIRST]).images == 12
    assert images_in(tmp_path / "set" / FIRST) == plate_archives.images_of(FIRST)
    assert {path.name for path in (tmp_path / "set").iterdir() if path.is_dir()} == {FIRST}
    assert len(server.gets(archive_of(FIRST))) == 1


def test_ctrl_c_keeps_finished_plates_and_what_has_arrived(fetch, server, mirror, tmp_path):
    second = archive_of(PLATES[1])
    server.forever[second] = Mishap(stop_after=50_000, stall=True)
    part = tmp_path / "set" / "archives" / f"{second}.part"
    with fetching(mirror.model_copy(update={"timeout": 3.0}), tmp_path / "set", PLATES[:2]) as process:
        wait_for(lambda: len(server.gets(second)) == 1 and part.is_file() and part.stat().st_size)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert (tmp_path / "set" / FIRST).is_dir()
    arrived = part.read_bytes()
    server.forever.clear()
    assert fetch(plates=PLATES[:2]).images == 24
    assert server.gets(second)[-1].start == len(arrived)
    assert len(server.gets(archive_of(FIRST))) == 1


def official_tables(data):
    return {
        IMAGE_TABLE: gzip.decompress((data / "bbbc021" / f"{IMAGE_TABLE}.gz").read_bytes()),
        MOA_TABLE: (data / "bbbc021" / MOA_TABLE).read_bytes(),
    }


def test_the_tiny_set_has_the_columns_of_the_real_one(data):
    official = pd.read_csv(data / "bbbc021" / f"{IMAGE_TABLE}.gz", nrows=5)
    assert list(plate_archives.image_table()) == list(official)


def test_the_known_hashes_are_those_of_the_real_tables(data):
    assert {name: hashlib.sha256(content).hexdigest() for name, content in official_tables(data).items()} == TABLES
    assert URL == "https://data.broadinstitute.org/bbbc/BBBC021/"


def test_the_command_brings_a_plate_of_the_real_table(data, cli, server, tmp_path):
    server.files |= official_tables(data)
    table = pd.read_csv(data / "bbbc021" / f"{IMAGE_TABLE}.gz")
    rows = table[table["Image_Metadata_Plate_DAPI"] == FIRST]
    names = rows[[f"Image_FileName_{channel}" for channel in plate_archives.WAVELENGTHS]].to_numpy().ravel()
    image = plate_archives.tiff("one.tif", (8, 9))
    members = {f"{FIRST}/{name}": image if number else image[:200] for number, name in enumerate(names)}
    server.files[archive_of(FIRST)] = plate_archives.zipped(members)
    to = tmp_path / "set"
    command = ["data", "fetch", "bbbc021", "--plates", FIRST, "--to", to, "--mirror", server.url, "--workers", 2]
    called = cli(*command)
    assert called.status == 0, called.err
    assert called.out == f"{to}: 1 of 55 plates, 719 images that can be used, {(719 * len(image) + 200) / 1e6:.1f} MB\n"
    assert LICENCE in called.err
    assert f"damaged or missing images: 1; {to / 'damaged.csv'} says which, and why; to bring a plate again" in called.err
    assert cli(*command).out == called.out
    assert len(server.gets(archive_of(FIRST))) == 1


def test_the_command_says_what_cannot_be_reached(cli, tmp_path):
    with Loopback({}) as gone:
        url = gone.url
    said = cli("data", "fetch", "bbbc021", "--to", tmp_path / "set", "--mirror", url)
    assert said.status == 1
    assert f"{url}{IMAGE_TABLE}: could not be fetched (the connection was refused; 2 tries" in said.sentence


def test_the_command_knows_one_image_set(cli, tmp_path):
    said = cli("data", "fetch", "bbbc022", "--to", tmp_path / "set").sentence
    assert said == "cytobench: unknown image set 'bbbc022'; did you mean 'bbbc021'? (known: bbbc021)"
    assert not Path(tmp_path / "set").exists()
