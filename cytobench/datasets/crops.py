"""Import single-cell crops that someone else cut: an ``.npz`` of images and a CSV index with one row a cell."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import REQUIRED_COLUMNS, CellStoreWriter
from cytobench.errors import CytoBenchError, nearest
from cytobench.files import sha256
from cytobench.imaging.quality import NOISE_THRESHOLD, smoothness
from cytobench.profiling.aggregate import wells_of


def import_crops(
    images: Path, index: Path, channels: tuple[str, ...], out: Path, *, name: str | None = None, source: str = ""
) -> CellStore:
    """Make a store of crops; the channel order and the bit depth are kept, and nothing is dropped.

    Args:
        images: an ``.npz`` with an array ``images``, (N, H, W, C) uint8 or uint16.
        index: a CSV with N rows: plate, well, compound, concentration (micromolar), and anything else known of a cell.
            A column ``row`` must count 0 to N - 1; a column ``moa`` is left out, since labels belong to the protocol.
        channels: C names in the order of the images' last axis.
        out: the folder to make.
        name: of the data set on boards; the folder's name where None.
        source: where the crops come from and under what licence, for the provenance.

    Returns:
        The store. Its table has a column ``smoothness_<channel>`` for each channel and ``flagged``: whether any of them
        is below ``NOISE_THRESHOLD``, the mark of a picture of nothing but noise.
    """
    pixels, table = _read_images(images, len(channels)), _read_index(index)
    if len(table) != len(pixels):
        raise CytoBenchError(f"{index}: has {len(table)} rows, but {images} has {len(pixels)} images; they must match one to one")
    try:
        wells_of(table)
    except CytoBenchError as error:
        raise CytoBenchError(f"{index}: {error}") from None
    measured = np.stack([smoothness(pixels[:, channel]) for channel in range(len(channels))], axis=1)
    for channel, values in zip(channels, measured.T, strict=True):
        table[f"smoothness_{channel}"] = values
    table["flagged"] = np.any(measured < NOISE_THRESHOLD, axis=1)
    provenance = {"source": source, "images_sha256": sha256(images), "index_sha256": sha256(index)}
    with CellStoreWriter(
        out, name=name or out.name, channels=channels, simulated=False, all_cells_counted=False, provenance=provenance
    ) as writer:
        writer.append(pixels, table)
    return CellStore(out)


def _read_images(path: Path, channels: int) -> np.ndarray:
    if path.is_file() and not zipfile.is_zipfile(path):
        raise CytoBenchError(f"{path}: not a whole .npz file (a zip archive of arrays, as numpy.savez writes it)")
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "images" not in archive:
                raise CytoBenchError(f"{path}: has no array 'images', only {', '.join(archive.files) or 'nothing'}")
            array: np.ndarray = archive["images"]
    except FileNotFoundError:
        raise CytoBenchError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, TypeError, zlib.error, zipfile.BadZipFile) as error:
        raise CytoBenchError(f"{path}: not a whole .npz file ({error})") from None
    if array.ndim != 4 or array.dtype not in (np.uint8, np.uint16):
        raise CytoBenchError(
            f"{path}: 'images' has shape {array.shape} and type {array.dtype}; it must be (N, H, W, C) uint8 or uint16"
        )
    if array.shape[3] != channels:
        raise CytoBenchError(f"{path}: its images have {array.shape[3]} channels, but --channels names {channels}")
    return np.ascontiguousarray(np.moveaxis(array, 3, 1))


def _read_index(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"plate": str, "well": str, "compound": str})
    except FileNotFoundError:
        raise CytoBenchError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise CytoBenchError(f"{path}: cannot be read as CSV ({' '.join(str(error).split())})") from None
    for column in REQUIRED_COLUMNS:
        if column not in table:
            raise CytoBenchError(f"{path}: has no column {column!r}{nearest(column, set(table.columns) - {'replicate'})}")
        if table[column].isna().any():
            raise CytoBenchError(f"{path}: row {int(table[column].isna().argmax())} has no {column}")
    if not pd.api.types.is_numeric_dtype(table["concentration"]):
        raise CytoBenchError(f"{path}: the column 'concentration' is not numeric; it is in micromolar")
    wrong_dose = ~np.isfinite(table["concentration"]) | (table["concentration"] < 0)
    if wrong_dose.any():
        row = int(wrong_dose.argmax())
        raise CytoBenchError(
            f"{path}: row {row} has the concentration {table['concentration'][row]:g}; it is in micromolar, 0 or more"
        )
    if "row" in table and not np.array_equal(table["row"], np.arange(len(table))):
        wrong = int(np.argmax(table["row"].to_numpy() != np.arange(len(table))))
        raise CytoBenchError(
            f"{path}: line {wrong + 2} is numbered {table['row'][wrong]} in the column 'row', not {wrong}; "
            "sort the index as the images, and where it is a part of a longer one renumber or drop the column"
        )
    return table.drop(columns=["row", "moa"], errors="ignore").astype({"concentration": float})
