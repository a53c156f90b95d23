"""A small image set in anyone's layout: two plates of blobs that a segmenter finds."""

from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

CHANNELS = ("DNA", "Actin")
SIZE = (200, 240)
"""Height and width of a field, px."""
PLATES = ("Week1_1", "Week2_1")
WELLS = {"B02": ("DMSO", 0.0), "B03": ("taxol", 0.3), "B04": ("taxol", 1.0)}
SITES = (1, 2)


def field(generator: np.random.Generator, cells: int = 7) -> np.ndarray:
    """(2, H, W) uint16: nuclei of 9 px radius at least 40 px apart, each in a cell of 16 px, on a background with noise."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    places = [(row, column) for row in range(20, SIZE[0], 45) for column in range(20, SIZE[1], 45)]
    image = np.full((2, *SIZE), 300.0, np.float32)
    for number in generator.choice(len(places), cells, replace=False):
        row, column = np.array(places[number]) + generator.uniform(-4, 4, 2)
        distance = np.hypot(y - row, x - column)
        for channel, (radius, height) in enumerate([(9, 6000), (16, 3000)]):
            image[channel] += height * np.clip((radius - distance) / 2 + 0.5, 0, 1)
    return np.clip(image + generator.normal(0, 40, image.shape), 0, 65535).astype(np.uint16)


def write_fields(folder: Path, plates: tuple[str, ...] = PLATES, seed: int = 0) -> Path:
    """Write the image set; a plate is the same whatever others there are."""
    rows = []
    for plate in plates:
        generator = np.random.default_rng([seed, *plate.encode()])
        (folder / plate).mkdir(parents=True)
        for well, (compound, concentration) in WELLS.items():
            for site in SITES:
                image = field(generator)
                names = {channel: f"{plate}/{well}_s{site}_{channel}.tif" for channel in CHANNELS}
                for channel, pixels in zip(CHANNELS, image, strict=True):
                    tifffile.imwrite(folder / names[channel], pixels)
                rows.append(
                    {"plate": plate, "well": well, "site": site, "compound": compound, "concentration": concentration, **names}
                )
    pd.DataFrame(rows).to_csv(folder / "fields.csv", index=False)
    return folder
