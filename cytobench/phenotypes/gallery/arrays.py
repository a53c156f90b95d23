"""Cells as arrays for other programs: NumPy's ``.npz``, and ``.tif`` stacks that ImageJ and Fiji open with channel names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cytobench.files import replacing
from cytobench.phenotypes.gallery.gallery import Gallery
from cytobench.phenotypes.pictures import SCALING, colours


def write_npz(made: Gallery, path: Path) -> None:
    """Write a gallery as plain arrays, which ``numpy.load`` reads without pickles.

    ``generated`` (n, C, H, W) float32 in [0, 1], ``noise`` (n, Z); the store's cells as ``real`` (m, C, H, W) and ``real_rows``
    (m,), or where they are simulated as ``simulated`` and ``simulated_rows``; and texts: ``channels`` (C,), ``title``, ``seen``,
    ``treatment`` (empty for any), ``scaling`` and ``seed``. Of a conditional model ``told_rows`` (n,): the rows of the
    store whose treatments it was told.
    """
    model = made.model
    texts = {"title": model.title, "seen": model.seen, "treatment": made.treatment or "", "scaling": SCALING}
    arrays: dict[str, Any] = {
        "generated": made.generated.astype(np.float32),
        "noise": made.noise.astype(np.float32),
        made.kind: made.cells.astype(np.float32),
        f"{made.kind}_rows": made.rows.astype(np.int64),
        "channels": np.array(model.channels),
        "seed": np.array(made.seed),
        **{name: np.array(text) for name, text in texts.items()},
    }
    if made.told_rows is not None:
        arrays["told_rows"] = made.told_rows.astype(np.int64)
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def write_tiff(images: np.ndarray, path: Path, channels: Sequence[str], labels: Sequence[str], about: str) -> None:
    """Write cells as an ImageJ hyperstack, a slice a cell, shown as a composite in the declared colours from 0 to 1.

    Args:
        images: (n, C, H, W) in [0, 1], at least one.
        path: a ``.tif`` file.
        channels: C names; with the labels they name every plane, and as JSON they are in the file's ``Info``.
        labels: n names of cells.
        about: what the file shows, for its ``Info``.
    """
    lookup = [np.outer(colour, np.arange(256)).round().astype(np.uint8) for colour in colours(channels)]
    metadata = {
        "axes": "ZCYX",
        "mode": "composite",
        "LUTs": lookup,
        "Ranges": tuple(limit for _ in channels for limit in (0.0, 1.0)),
        "Labels": [f"{channel} {label}" for label in labels for channel in channels],
        "Info": json.dumps({"title": about, "channels": list(channels), "scaling": SCALING}, ensure_ascii=True),
    }
    with replacing(path) as temporary:
        tifffile.imwrite(temporary, images.astype(np.float32), imagej=True, metadata=metadata)
