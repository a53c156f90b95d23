"""Where an image lies: a file, or a member of a plate's archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.imaging.tiff import ImageError, read_tiff

ARCHIVE = "BBBC021_v1_images_{plate}.zip"


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
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise ImageError(f"cannot be read from its archive ({error})") from None
        return read_tiff(io.BytesIO(content))


class Archives:
    """Find a plate's images in the folder of an image set, unpacked in either layout or in the plate's archive.

    Args:
        folder: of the image set.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def holds(self, plate: str, paths: Iterable[str]) -> bool:
        """Whether there is anything of the plate: a folder, an archive, or one of its files."""
        if (self._folder / ARCHIVE.format(plate=plate)).is_file():
            return True
        parents = {PurePosixPath(path).parent for path in paths} - {PurePosixPath(".")}
        folders = [self._folder / parent for parent in (*parents, PurePosixPath(plate))]
        return any(folder.is_dir() for folder in folders) or any((self._folder / path).is_file() for path in paths)

    def locate(self, plate: str, path: str) -> ImageFile:
        """Return where the image is; where it is nowhere, where it should be (reading it then says that it is missing)."""
        listed = self._folder / path
        places = (listed, self._folder / plate / listed.name)
        found = next((place for place in places if place.is_file()), None)
        if found is not None:
            return ImageFile(found)
        archive = self._folder / ARCHIVE.format(plate=plate)
        if archive.is_file():
            return ImageFile(archive, _members(archive, archive.stat().st_mtime_ns).get(listed.name, f"{plate}/{listed.name}"))
        return ImageFile(places[1] if places[1].parent.is_dir() else listed)


@lru_cache(maxsize=4)
def _members(archive: Path, changed: int) -> dict[str, str]:
    """File name -> name in the archive (as last ``changed``), whatever folders it has; nothing is unpacked."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return {PurePosixPath(name).name: name for name in opened.namelist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise CytoBenchError(f"{archive}: not a whole zip archive ({error}); fetch it again") from None
