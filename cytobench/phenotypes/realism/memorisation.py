"""Which generated cells are copies of training cells: the nearest training cell of each, and how near other cells are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytobench.phenotypes.realism.sets import CellSet
from cytobench.scoring.nearness import Nearest, nearest_of

ORIENTATIONS = 8
"""Of a square: four quarter turns, and those of its mirror image."""


@dataclass(frozen=True)
class Memorisation:
    """The nearest training cell of each of n cells."""

    features: Nearest
    pixels: Nearest
    """In that orientation of the cell in which it is most like a copy: a model trained on turned cells makes turned copies."""
    orientation: np.ndarray
    """(n,) which that is, as :func:`oriented` numbers them."""

    @classmethod
    def of(cls, cells: CellSet, training: CellSet, own: np.ndarray | None = None) -> Memorisation:
        """Search the training cells, by features and by pixels.

        Args:
            cells: n of them.
            training: all that are searched.
            own: (n,) where each cell is in ``training``, if it is one of them; it is then not its own nearest.
        """
        turned = (oriented(cells.images, number).reshape(len(cells), -1) for number in range(ORIENTATIONS))
        found = [nearest_of(pixels, training.pixels, own) for pixels in turned]
        least = np.argmin([near.ratio for near in found], axis=0)
        pixels = Nearest(*(np.choose(least, column) for column in zip(*found, strict=True)))
        return cls(nearest_of(cells.features, training.features, own), pixels, least)

    def copied(self, limit: float) -> np.ndarray:
        """Which cells are copies, (n,) bool, in features or in pixels; ``limit`` as in :meth:`Nearest.copied`."""
        return self.features.copied(limit) | self.pixels.copied(limit)

    def order(self) -> np.ndarray:
        """The cells, (n,), the most like a copy first: by the lesser of both ratios."""
        return np.argsort(np.minimum(self.features.ratio, self.pixels.ratio), kind="stable")


def oriented(images: np.ndarray, number: int) -> np.ndarray:
    """Return images (..., H, W) in one of the eight orientations: ``number % 4`` quarter turns, from 4 on of the mirror image."""
    return np.rot90(images[..., ::-1] if number >= 4 else images, number % 4, axes=(-2, -1))


def turned_back(images: np.ndarray, number: int) -> np.ndarray:
    """Undo :func:`oriented`; the turn of a mirror image undoes itself."""
    return oriented(images, number if number >= 4 else -number % 4)
