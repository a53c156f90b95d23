"""An image set: a folder of fields of view and the table that says what each of them shows.

The folder is BBBC021's, its table ``BBBC021_v1_image.csv`` and its images in ``Week1_22123/``, ``Week1/Week1_22123/`` or still in
the archive ``BBBC021_v1_images_Week1_22123.zip``; or it is anyone's, with a table ``fields.csv``: plate, well, compound,
concentration (micromolar), where known site and replicate, and for each channel a column of its name with ``.tif`` files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cytobench.datasets.field_table import KNOWN, content_sha256, find_field_table, read_field_table
from cytobench.datasets.image_file import ImageFile, PlateImages
from cytobench.datasets.layout import SIMULATED
from cytobench.datasets.plate_map import IMAGE_TABLE_SHA256
from cytobench.errors import CytoBenchError, nearest
from cytobench.schema import read_json

SOURCE = (
    "BBBC021v1, Broad Bioimage Benchmark Collection (Caie et al. 2010; Ljosa et al. 2012), copyright AstraZeneca, "
    "CC BY-NC-SA 3.0 as commonly stated"
)


@dataclass(frozen=True)
class FieldOfView:
    """One field: what it shows, and an image a channel."""

    plate: str
    well: str
    site: int
    replicate: int
    compound: str
    concentration: float
    images: tuple[ImageFile, ...]


@dataclass(frozen=True)
class ImageSet:
    """The fields of an image set.

    Raises:
        CytoBenchError: where the folder has no table, the table is not whole, or none of its plates has images here.
    """

    folder: Path
    table: pd.DataFrame
    """One row a field: ``KNOWN`` and a column a channel with the image's path."""
    channels: tuple[str, ...]
    table_sha256: str
    """Of the table, unpacked."""
    plates: tuple[str, ...]
    """Those with images here, Week2 before Week10."""

    @classmethod
    def read(cls, folder: str | Path, channels: Sequence[str] | None = None) -> ImageSet:
        """Read a folder.

        Args:
            folder: of the image set.
            channels: their order in the crops, the nuclear stain first; by default that of the table.
        """
        folder = Path(folder)
        path = find_field_table(folder)
        table = read_field_table(path)
        found = tuple(str(column) for column in table if column not in KNOWN)
        chosen = tuple(channels or found)
        for channel in chosen:
            if channel not in found:
                raise CytoBenchError(f"{path}: has no channel {channel!r}, only {', '.join(found)}{nearest(channel, found)}")
        if not chosen or len(set(chosen)) < len(chosen):
            what = f"the channels {', '.join(chosen)}: name each once" if chosen else "no column names .tif files, one a channel"
            raise CytoBenchError(f"{path}: {what}")
        _refuse_repeated_images(table[list(chosen)], path)
        named = sorted(table["plate"].unique(), key=natural_order)
        here = tuple(plate for plate in named if PlateImages(folder, plate).any_of(table.loc[table["plate"] == plate, chosen[0]]))
        if not here:
            raise CytoBenchError(
                f"{folder}: has images of none of the {len(named)} plates of {path.name} (looked for {named[0]})"
            )
        return cls(folder, table, chosen, content_sha256(path), here)

    @property
    def simulated(self) -> bool:
        """Whether the fields are drawn and not photographed."""
        drawn = self.table[self.channels[0]].str.contains("_simulated_", regex=False)
        return (self.folder / SIMULATED).is_file() or bool(drawn.any())

    @property
    def source(self) -> str:
        """Where the images come from, as far as the folder tells."""
        if self.simulated:
            mark = read_json(self.folder / SIMULATED) if (self.folder / SIMULATED).is_file() else {}
            settings = f"seed {mark.get('seed')}, parameters {str(mark.get('parameters_sha256'))[:12]}"
            return f"drawn by cytobench, not photographed; {settings}"
        return SOURCE if self.table_sha256 == IMAGE_TABLE_SHA256 else ""

    def fields(self, plate: str) -> list[FieldOfView]:
        """Return the fields of one plate, well by well and site by site."""
        rows = self.table[self.table["plate"] == plate].sort_values(["well", "site"], kind="stable")
        here = PlateImages(self.folder, plate)
        return [
            FieldOfView(
                **{name: row[name] for name in KNOWN},
                images=tuple(here.locate(row[channel]) for channel in self.channels),
            )
            for row in rows.to_dict("records")
        ]

    def choose(self, plates: Sequence[str] | None) -> tuple[str, ...]:
        """Return the plates asked for, in their order here; all of them where None."""
        for plate in plates or ():
            if plate not in self.plates:
                raise CytoBenchError(f"{self.folder}: has no images of a plate {plate!r}{nearest(plate, self.plates)}")
        return tuple(plate for plate in self.plates if plates is None or plate in plates)


def _refuse_repeated_images(images: pd.DataFrame, path: Path) -> None:
    """An image that is listed twice would count its cells twice."""
    flat = images.to_numpy().ravel()
    again = pd.Series(flat).duplicated()
    if again.any():
        place = int(again.argmax())
        raise CytoBenchError(f"{path}: line {place // images.shape[1] + 2} lists the image {flat[place]} again")


def natural_order(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts Week2 before Week10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
