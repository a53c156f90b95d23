"""Unpack a plate's archive, whatever is in it: nothing lands outside the folder, and nothing but that plate's images."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
from pathlib import Path

from cytobench.datasets.fetching.space import gigabytes, require_space
from cytobench.datasets.fetching.threads import Halt
from cytobench.datasets.image_file import ZIP_DAMAGE
from cytobench.datasets.layout import week_of
from cytobench.errors import CytoBenchError

MAX_IMAGE_BYTES = 16 * 2**20
"""Six times an image of BBBC021; a larger member is no image of its kind."""
MAX_RATIO = 100
"""Unpacked to packed bytes of all images: camera noise packs to about a half."""


class RefusedArchiveError(CytoBenchError):
    """An archive that is damaged or dangerous."""


def unpack(archive: Path, plate: str, names: frozenset[str], folder: Path, halt: Halt) -> None:
    """Unpack the images of one plate.

    Args:
        archive: a zip with the images in ``Week1_22123/``, ``Week1/Week1_22123/`` or at its top.
        plate: for example ``Week1_22123``.
        names: of the image files that the plate must have; any other member is left in the archive.
        folder: where they go, which is there already.
        halt: asked between images whether to stop.

    Raises:
        RefusedArchiveError: where the archive is damaged, holds none of the images, would write outside its folder or unpacks to
            far more than images take. ``folder`` may hold some images then.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _images(archive, opened.infolist(), plate, names)
            require_space(folder, _unpacked_bytes(archive, members), f"the images of {plate}")
            for member in members:
                halt.check()
                with opened.open(member) as packed, (folder / _name(member)).open("wb") as file:
                    shutil.copyfileobj(packed, file, 1 << 20)
    except ZIP_DAMAGE as error:
        raise RefusedArchiveError(f"{archive}: not a whole zip archive ({error}); get it again") from None


def _images(archive: Path, members: list[zipfile.ZipInfo], plate: str, names: frozenset[str]) -> list[zipfile.ZipInfo]:
    for member in members:
        _refuse_escape(archive, member)
    folders = ("", f"{plate}/", f"{week_of(plate)}/{plate}/")
    wanted = {folder + name for folder in folders for name in names}
    images = [member for member in members if member.filename in wanted]
    if not images:
        held = next((member.filename for member in members if not member.is_dir()), "nothing")
        raise RefusedArchiveError(
            f"{archive}: holds no image that the image table names for plate {plate}, but {held!r}; get another"
        )
    if len({_name(member) for member in images}) < len(images):
        raise RefusedArchiveError(f"{archive}: holds an image of plate {plate} twice; get it again from its source")
    return images


def _refuse_escape(archive: Path, member: zipfile.ZipInfo) -> None:
    """Refuse an archive that somebody has made to write elsewhere; its other members are no better."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    name = member.filename
    outside = name.startswith("/") or "\\" in name or ".." in name.split("/") or re.match("[A-Za-z]:", name)
    if outside or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "leads out of its folder" if outside else "is a link or a device, not a file"
        raise RefusedArchiveError(
            f"{archive}: its member {name!r} {what}; nothing was unpacked: get the archive from its source again"
        )


def _unpacked_bytes(archive: Path, images: list[zipfile.ZipInfo]) -> int:
    """Add up the declared sizes (zipfile unpacks no more than what is declared), refusing what no images would take."""
    largest = max(images, key=lambda member: member.file_size)
    total = sum(member.file_size for member in images)
    if largest.file_size > MAX_IMAGE_BYTES:
        raise RefusedArchiveError(
            f"{archive}: its member {largest.filename!r} would take {gigabytes(largest.file_size)}, but an image of this kind "
            f"has 2.6 MB; nothing was unpacked: get the archive from its source again"
        )
    if total > max(MAX_IMAGE_BYTES, MAX_RATIO * archive.stat().st_size):
        raise RefusedArchiveError(
            f"{archive}: would unpack to {gigabytes(total)}, over {MAX_RATIO} times its size; nothing was unpacked: "
            "get the archive from its source again"
        )
    return total


def _name(member: zipfile.ZipInfo) -> str:
    return member.filename.rpartition("/")[2]
