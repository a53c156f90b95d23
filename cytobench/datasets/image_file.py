"""Where an image lies: a file, or a member of a plate's archive."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from cytobench.datasets.layout import plate_archive, plate_folder
from cytobench.imaging.tiff import ImageError, read_tiff

ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)
"""What zipfile raises where an archive is damaged, encrypted or packed in a way that it does not know."""


@dataclass(frozen=True)
class ImageFile:
    """One grey image."""

    path: Path
    """The TIFF file, or the archive that holds it."""
    member: str | None = None
    """Its name in the archive."""

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}:{self.member}"

    def read(self) -> np.ndarray:
        """Return the pixels, (H, W) uint8 or uint16, or raise ImageError with the reason."""
        if self.member is None:
            return read_tiff(self.path)
        try:
            with zipfile.ZipFile(self.path) as archive:
                content = archive.read(self.member)
        except KeyError:
            raise ImageError("missing") from None
        except (OSError, *ZIP_DAMAGE) as error:
            raise ImageError(f"cannot be read from its archive ({error})") from None
        return read_tiff(io.BytesIO(content))


def can_be_read(path: Path) -> bool:
    """Whether an unpacked image is there and whole; what lies in an archive is not looked for."""
    try:
        read_tiff(path)
    except ImageError:
        return False
    return True


class PlateImages:
    """Find a plate's images in the folder of an image set, unpacked in either layout or in the plate's archive.

    Args:
        folder: of the image set.
        plate: its name.
    """

    def __init__(self, folder: Path, plate: str):
        self._folder, self._plate = folder, plate
        self._unpacked, self._archive = plate_folder(folder, plate), plate_archive(folder, plate)

    def any_of(self, paths: Iterable[str]) -> bool:
        """Whether there is anything of the plate: a folder, an archive, or one of its files."""
        return bool(self._unpacked or self._archive) or any((self._folder / path).is_file() for path in paths)

    def locate(self, path: str) -> ImageFile:
        """Return where the image is; where it is nowhere, where it should be (reading it then says that it is missing)."""
        listed = self._folder / path
        unpacked = self._unpacked / listed.name if self._unpacked else listed
        found = next((place for place in (listed, unpacked) if place.is_file()), None)
        if found is None and self._archive is not None:
            members = _members(self._archive, self._archive.stat().st_mtime_ns)
            return ImageFile(self._archive, members.get(listed.name, f"{self._plate}/{listed.name}"))
        return ImageFile(found or unpacked)


@lru_cache(maxsize=4)
def _members(archive: Path, changed: int) -> dict[str, str]:
    """File name -> name in the archive (as last ``changed``), whatever folders it has; nothing is unpacked."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return {PurePosixPath(name).name: name for name in opened.namelist()}
    except (OSError, *ZIP_DAMAGE):
        return {}  # to read an image then says what is wrong with the archive
