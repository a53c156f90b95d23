"""A visual Turing test: real and generated cells in random order for people to tell apart, and the key to their answers.

The order is hidden, the pictures are not: a program may tell the two kinds by their pixels, and whoever has the data set finds
the real cells in it.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from cytobench.errors import CytoBenchError
from cytobench.files import sha256_text
from cytobench.phenotypes.captions import flagged
from cytobench.phenotypes.pictures import composites
from cytobench.schema import Record, dump_json

if TYPE_CHECKING:
    from cytobench.phenotypes.model import Model

PUBLISHED = 0.30
"""Share of generated cells taken for real by three expert biologists shown 50 real and 50 LSGAN cells in random order, on average
(Goldsborough et al. 2017, doi:10.1101/227645)."""

CHANCE = 0.5
"""Share of right answers of somebody who cannot tell."""


class ShownCell(Record):
    """One cell of the test, in the order of the page."""

    picture_sha256: str
    generated: bool
    row: int | None
    """Real: the cell's row in the store. Generated: the row of the cell whose treatment a conditional model was told."""


class TuringKey(Record):
    """What decides who was right; it is not for jurors."""

    schema_version: Literal[1] = 1
    title: str
    """The model's."""
    method: str
    dataset: str
    kind: Literal["real", "simulated"]
    """What the cells that no model made are called."""
    channels: tuple[str, ...]
    seen: str
    size: int = Field(gt=0)
    conditional: bool
    weights: int
    """Numbers that the model's networks hold."""
    flagged: int | None
    """Real cells shown that the store's table flags; None where it has no flags. They stay: the model learnt from such cells."""
    seed: int
    """Of the cells, the noise and the order; the page must not hold it."""
    salt: str
    """The page holds it, to open its answers with: nothing else may come from it."""
    cells: tuple[ShownCell, ...]

    @property
    def id(self) -> str:
        """A digest of all of it, truth and pictures: a test's name."""
        return sha256_text(dump_json(self))[:16]

    @property
    def truth(self) -> np.ndarray:
        """Which cells (2n,) are generated."""
        return np.array([cell.generated for cell in self.cells])


@dataclass(frozen=True)
class TuringTest:
    """A test: its key and its pictures, PNG, in the order of the page."""

    key: TuringKey
    pictures: tuple[bytes, ...]


def make_test(model: Model, n: int, seed: int) -> TuringTest:
    """Draw ``n`` real cells of the model's store and generate as many.

    Args:
        model: of a generative method; a conditional one is told the treatments of the real cells shown.
        n: cells of each kind.
        seed: of the cells, the noise and the order. Which cells also depends on the model: those that two tests share are real.

    Raises:
        CytoBenchError: where the model generates nothing or the store has fewer than ``n`` cells.
    """
    if n > len(model.store):
        raise CytoBenchError(f"{model.store.name} has {len(model.store)} cells, fewer than the {n} asked for; lower --n")
    rows = _generator("cells", seed, model.title, dump_json(model.recipe)).choice(len(model.store), n, replace=False)
    generated = model.generate(model.noise(n, seed), rows if model.conditions else None)
    images = np.concatenate([model.real(rows), generated])
    if not np.isfinite(images).all():
        raise CytoBenchError(f"{model.name} generated cells that hold NaN or infinite pixels; its training has failed")
    pictures = [png(picture) for picture in composites(images, model.channels)]
    digests = [hashlib.sha256(picture).hexdigest() for picture in pictures]
    order = _generator("order", seed, *digests).permutation(2 * n)
    cells = [
        ShownCell(picture_sha256=digests[number], generated=bool(number >= n), row=_row(model, rows, number)) for number in order
    ]
    key = TuringKey(
        title=model.title,
        method=model.name,
        dataset=model.store.name,
        kind=model.kind,
        channels=model.channels,
        seen=model.seen,
        size=model.size,
        conditional=bool(model.conditions),
        weights=_weights(model),
        flagged=flagged(model, rows),
        seed=seed,
        salt=sha256_text("salt", str(seed), *digests)[:32],
        cells=tuple(cells),
    )
    return TuringTest(key, tuple(pictures[number] for number in order))


def png(picture: np.ndarray) -> bytes:
    """Encode (H, W, 3) uint8 without compression and without metadata: every cell's file is equally long, however smooth."""
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "png", compress_level=0)
    return written.getvalue()


def _generator(use: str, seed: int, *parts: str) -> np.random.Generator:
    return np.random.default_rng(int(sha256_text(use, str(seed), *parts), 16))


def _row(model: Model, rows: np.ndarray, number: int) -> int | None:
    """The row of cell ``number``: the real ones come first, and the generated ones have theirs only where they were told it."""
    return int(rows[number % len(rows)]) if number < len(rows) or model.conditions else None


def _weights(model: Model) -> int:
    parameters = getattr(model.method, "parameters", tuple)
    return sum(parameter.numel() for parameter in parameters())
