"""Archives that somebody has damaged, or made to do damage."""

import io
import shutil
import stat
import struct
import zipfile
from collections import namedtuple

import plate_archives
import pytest
from plate_archives import PLATES, zipped

from cytobench.datasets.fetching import archive
from cytobench.datasets.fetching.archive import MAX_IMAGE_BYTES, RefusedArchiveError, unpack
from cytobench.datasets.fetching.threads import Halt, HaltedError
from cytobench.errors import CytoBenchError

PLATE = PLATES[2]
NAMES = frozenset(plate_archives.names_of(PLATE))
IMAGES = dict(plate_archives.images_of(PLATE))
WHOLE = plate_archives.archive(PLATE)


@pytest.fixture
def unpacked(tmp_path):
    """Unpack these bytes; return what is in the folder, where nothing may be beside it."""
    (tmp_path / "in" / "folder").mkdir(parents=True)
    folder = tmp_path / "in" / "folder"

    def call(content, halt=None):
        (tmp_path / "plate.zip").write_bytes(content)
        try:
            unpack(tmp_path / "plate.zip", PLATE, NAMES, folder, halt or Halt())
        finally:
            assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "plate.zip"]
            assert [path.name for path in (tmp_path / "in").iterdir()] == ["folder"]
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    call.folder = folder
    return call


@pytest.mark.parametrize("layout", ["", f"{PLATE}/", f"Week4/{PLATE}/"], ids=["top", "plate", "week and plate"])
def test_every_layout_is_unpacked(unpacked, layout):
    assert unpacked(plate_archives.archive(PLATE, layout)) == IMAGES


def test_only_images_of_that_plate_are_taken(unpacked):
    some = next(iter(NAMES))
    others = {
        f"__MACOSX/{PLATE}/._{some}": b"fork",
        f"{PLATE}/Thumbs.db": b"thumbs",
        f"{PLATE}/.DS_Store": b"store",
        f"{PLATE}/another.tif": b"not in the table",
        f"Week1_22123/{some}": b"of another plate",
        f"{PLATE}/deep/{some}": b"too deep",
        "readme.txt": b"text",
    }
    assert (
        unpacked(zipped({f"{PLATE}/": b""} | others | {f"{PLATE}/{name}": content for name, content in IMAGES.items()})) == IMAGES
    )


ESCAPES = [
    "../evil.tif",
    f"{PLATE}/../../evil.tif",
    "/evil.tif",
    "C:evil.tif",
    "C:/evil.tif",
    "..\\evil.tif",
    f"{PLATE}\\evil.tif",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_a_member_that_leads_out_of_its_folder_refuses_the_archive(unpacked, name):
    content = zipped({f"{PLATE}/{known}": image for known, image in IMAGES.items()} | {name: b"evil"})
    with pytest.raises(RefusedArchiveError, match=r"plate\.zip: its member .* leads out of its folder; nothing was unpacked"):
        unpacked(content)
    assert list(unpacked.folder.iterdir()) == []


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR], ids=["link", "pipe", "device"])
def test_a_link_or_a_device_refuses_the_archive(unpacked, kind):
    special = zipfile.ZipInfo(f"{PLATE}/{min(NAMES)}")
    special.create_system, special.external_attr = 3, (kind | 0o777) << 16
    members = [(special, b"/etc/passwd"), *((f"{PLATE}/{name}", IMAGES[name]) for name in sorted(NAMES)[1:])]
    with pytest.raises(RefusedArchiveError, match="is a link or a device, not a file; nothing was unpacked"):
        unpacked(zipped(members))
    assert list(unpacked.folder.iterdir()) == []


def test_a_member_far_larger_than_an_image_is_refused(unpacked):
    bomb = bytes(MAX_IMAGE_BYTES + 1)
    with pytest.raises(RefusedArchiveError, match=r"would take 16\.8 MB, but an image of this kind has 2\.6 MB; nothing was unp"):
        unpacked(plate_archives.archive(PLATE, **{min(NAMES): bomb}))
    assert list(unpacked.folder.iterdir()) == []


def test_many_members_that_unpack_to_far_more_are_refused(unpacked):
    bomb = plate_archives.archive(PLATE, **dict.fromkeys(NAMES, bytes(MAX_IMAGE_BYTES // 8)))
    assert 100 * len(bomb) < 12 * MAX_IMAGE_BYTES / 8
    with pytest.raises(RefusedArchiveError, match=r"would unpack to 25\.2 MB, over 100 times its size"):
        unpacked(bomb)
    assert list(unpacked.folder.iterdir()) == []


def test_a_member_that_lies_about_its_size_is_refused(unpacked):
    """Its directory declares 100 bytes, its data unpack to a megabyte."""
    name = min(NAMES)
    content = bytearray(zipped({f"{PLATE}/{name}": bytes(1 << 20)}))
    place = content.find(b"PK\x01\x02")
    assert struct.unpack_from("<L", content, place + 24) == (1 << 20,)
    struct.pack_into("<L", content, place + 24, 100)
    with pytest.raises(RefusedArchiveError, match="not a whole zip archive"):
        unpacked(bytes(content))
    assert sum(path.stat().st_size for path in unpacked.folder.iterdir()) <= 100


def test_an_image_that_is_there_twice_is_refused(unpacked):
    name = min(NAMES)
    with pytest.raises(RefusedArchiveError, match="holds an image of plate Week4_27481 twice"):
        unpacked(zipped({name: IMAGES[name], f"{PLATE}/{name}": b"other"}))


def test_the_archive_of_another_plate_is_refused(unpacked):
    with pytest.raises(
        RefusedArchiveError, match=r"holds no image that the image table names for plate Week4_27481, but 'Week1_22"
    ):
        unpacked(plate_archives.archive(PLATES[0]))


def other_checksum(content):
    """The data of an image are not those whose checksum the directory has."""
    place = content.find(b"PK\x01\x02") + 16
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def encrypted(content):
    """The members' flags say that a password is needed."""
    changed = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(signature)
        while place >= 0:
            changed[place + offset] |= 1
            place = changed.find(signature, place + 4)
    return bytes(changed)


HARMS = {
    "checksum": other_checksum,
    "zeros": lambda whole: whole[:5000] + bytes(50) + whole[5050:],
    "encrypted": encrypted,
    "a byte short": lambda whole: whole[:-1],
    "half": lambda whole: whole[: len(whole) // 2],
    "empty": lambda _: b"",
    "a web page": lambda _: b"<html>",
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_a_damaged_archive_is_refused(unpacked, harm):
    with pytest.raises(RefusedArchiveError, match=r"plate\.zip: not a whole zip archive \(.*\); get it again$"):
        unpacked(harm(WHOLE))


def test_an_archive_is_not_unpacked_where_there_is_no_room(unpacked, monkeypatch):
    total = sum(map(len, IMAGES.values()))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, total - 1))
    with pytest.raises(CytoBenchError, match=r"folder: the images of Week4_27481 need .* MB, but only .* MB are free there"):
        unpacked(WHOLE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, total))
    assert unpacked(WHOLE) == IMAGES


def test_a_halt_stops_between_images(unpacked, monkeypatch):
    halt, copy = Halt(), shutil.copyfileobj

    def copy_and_halt(*arguments):
        copy(*arguments)
        halt.set()

    monkeypatch.setattr(archive.shutil, "copyfileobj", copy_and_halt)
    with pytest.raises(HaltedError):
        unpacked(WHOLE, halt)
    assert len(list(unpacked.folder.iterdir())) == 1


def test_the_damage_of_these_tests_is_real():
    with zipfile.ZipFile(io.BytesIO(other_checksum(WHOLE))) as opened:
        assert opened.testzip() is not None
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as opened:
        assert opened.testzip() is None
