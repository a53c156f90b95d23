"""Where BBBC021 is fetched from, what its tables must be, and under what licence its images are."""

from __future__ import annotations

from pydantic import Field, field_validator

from cytobench.datasets.layout import IMAGE_TABLE, MOA_TABLE
from cytobench.datasets.plate_map import IMAGE_TABLE_SHA256, IMAGE_TABLE_URL
from cytobench.schema import Record

URL = IMAGE_TABLE_URL.removesuffix(IMAGE_TABLE)
TABLES = {IMAGE_TABLE: IMAGE_TABLE_SHA256, MOA_TABLE: "cddb6c6b72c043fd25f3a41d84624d4817927a1d76fe87dc829674181dd62719"}
"""The sha256 of each official table. Of the archives none is published, so the first one seen is trusted and recorded."""
ARCHIVE_BYTES = 750_000_000
"""Of a plate's archive, about, where the server does not say."""
IMAGE_BYTES = 1280 * 1024 * 2
"""Of one unpacked image: 1280 x 1024 px of 16 bits."""
LICENCE = (
    "BBBC021v1: images copyright AstraZeneca, commonly stated to be under CC BY-NC-SA 3.0 (not verified here: read the terms at "
    f"{URL} before you share images or use them commercially). "
    "Please cite Caie et al., Molecular Cancer Therapeutics 2010, and Ljosa et al., Nature Methods 2012."
)


class Mirror(Record):
    """A server with BBBC021's files, and how patient to be with it."""

    url: str = URL
    tables: dict[str, str] = TABLES
    """Table -> the sha256 that it must have."""
    tries: int = Field(5, ge=1)
    """Requests in a row that bring no new byte before a file is given up."""
    wait: float = Field(1.0, ge=0)
    """Seconds before the second try; doubled for each further one."""
    timeout: float = Field(30.0, gt=0)
    """Seconds without a byte after which a connection has stalled."""

    @field_validator("url")
    @classmethod
    def _is_web_address(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("a mirror's address begins with https:// or http://; files on disk come in with --from")
        return url

    def address(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self.url.rstrip('/')}/{name}"

    def pause(self, fruitless: int) -> float:
        """Return the seconds to wait after so many fruitless tries."""
        return self.wait * 2 ** (fruitless - 1) if fruitless else 0.0
