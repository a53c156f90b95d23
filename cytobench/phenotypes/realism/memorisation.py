"""Which generated cells are copies of training cells: the nearest training cell of each, and how near real ones are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytobench.phenotypes.realism.sets import CellSet
from cytobench.scoring.nearness import Nearest, nearest_of


@dataclass(frozen=True)
class Memorisation:
    """The nearest training cell of each of n cells."""

    features: Nearest
    pixels: Nearest

    @classmethod
    def of(cls, cells: CellSet, training: CellSet, own: np.ndarray | None = None) -> Memorisation:
        """Search the training cells, by features and by pixels.

        Args:
            cells: n of them.
            training: all that are searched.
            own: (n,) where each cell is in ``training``, if it is one of them; it is then not its own nearest.
        """
        return cls(nearest_of(cells.features, training.features, own), nearest_of(cells.pixels, training.pixels, own))

    def copied(self, limit: float) -> np.ndarray:
        """Which cells are copies, (n,) bool, in features or in pixels; ``limit`` as in :meth:`Nearest.copied`."""
        return self.features.copied(limit) | self.pixels.copied(limit)

    def order(self) -> np.ndarray:
        """The cells, (n,), the most like a copy first: by the lesser of both ratios."""
        return np.argsort(np.minimum(self.features.ratio, self.pixels.ratio), kind="stable")
