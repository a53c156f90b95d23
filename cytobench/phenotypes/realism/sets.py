"""The sets of cells that realism compares, and their features on one scale."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cytobench.files import replacing, sha256_text
from cytobench.locations import cache_folder
from cytobench.phenotypes.feature_scale import FeatureScale
from cytobench.phenotypes.feature_space import Described, FeatureSpace
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.realism.protocol import RealismProtocol


@dataclass(frozen=True)
class CellSet:
    """Cells as images and as features."""

    images: np.ndarray
    """(n, C, H, W) float32 in [0, 1]."""
    features: np.ndarray
    """(n, D) float64, finite, on the scale of the real cells."""
    imputed: int = 0
    """Values that were not finite."""
    without_nucleus: int = 0
    """Images in which none was found."""

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def pixels(self) -> np.ndarray:
        """(n, C H W)."""
        return self.images.reshape(len(self.images), -1)

    def part(self, rows: np.ndarray | slice) -> CellSet:
        """Return some of the cells."""
        return CellSet(self.images[rows], self.features[rows])


class RealCells:
    """The cells of the store: set A, set B, and all that are searched for copies of the references.

    Args:
        model: whose store they are of, seen as it sees them.
        space: their features.
        protocol: of the benchmark.
    """

    def __init__(self, model: Model, space: FeatureSpace, protocol: RealismProtocol):
        self.n = protocol.size(model.store)
        self._order = np.random.default_rng(protocol.seed).permutation(len(model.store))
        self.rows = self._order[: max(2 * self.n, protocol.searched)]  # of the store, set A first, then set B
        self._model, self._space = model, space
        images = model.real(self.rows)
        described = described_once(space, images)
        self.scale = FeatureScale(
            described.values,
            learned=space.learned,
            constant=protocol.constant_feature,
            clip=protocol.clip,
            of=slice(0, self.n),
        )
        self.searched = CellSet(images, self.scale.apply(described.values)[0])
        self.without_nucleus = int(described.without_nucleus[: self.n].sum())
        self.a, self.b = self.searched.part(slice(0, self.n)), self.searched.part(slice(self.n, 2 * self.n))

    def training(self, rows: np.ndarray) -> CellSet:
        """Return the cells that a model was trained on, ``rows`` of the store: no more than are searched, in their order."""
        chosen = self._order[np.isin(self._order, rows)][: len(self.rows)]
        if np.array_equal(chosen, self.rows):
            return self.searched
        images = self._model.real(chosen)
        return CellSet(images, self.scale.apply(described_once(self._space, images).values)[0])

    def others(self, images: np.ndarray, *, anew: bool) -> CellSet:
        """Return images that are no cells of the store, with their features on the scale of the real ones.

        Args:
            images: (n, C, H, W) in [0, 1].
            anew: embed them; else features that an earlier call left in the cache do.
        """
        described = self._space.described(images) if anew else described_once(self._space, images)
        return CellSet(images, *self.scale.apply(described.values), int(described.without_nucleus.sum()))


def described_once(space: FeatureSpace, images: np.ndarray) -> Described:
    """Return the features of images, from the cache where an earlier call left them: real cells' are equal for every method."""
    content = sha256_text(
        space.key, space.device.type, str(images.shape), hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()
    )
    path = cache_folder() / "features" / f"{content}.npz"
    try:
        with np.load(path) as stored:
            return Described(stored["values"].astype(np.float64), stored["without_nucleus"])
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        described = space.described(images)
    with replacing(path) as temporary:  # methods give float32, so nothing is lost
        np.savez(temporary, values=described.values.astype(np.float32), without_nucleus=described.without_nucleus)
    return described
