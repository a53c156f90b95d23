"""The sets of cells that realism compares, and their features on one scale."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cytobench.errors import CytoBenchError
from cytobench.files import replacing, sha256_text
from cytobench.locations import cache_folder
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


class Scale:
    """Features of real cells made comparable: a network's as they are, measurements standardised, as the protocol says.

    Args:
        real: (n, D) features of all real cells that are compared.
        of: the rows of set A among them.
        protocol: of the benchmark.
        learned: whether the features are a network's.
    """

    def __init__(self, real: np.ndarray, of: slice, protocol: RealismProtocol, *, learned: bool):
        self._learned, self._clip, width = learned, protocol.clip, real.shape[1]
        self._kept = np.isfinite(real).all(axis=0)
        chosen = np.where(self._kept, real[of], 0.0)
        self._mean, self._deviation = chosen.mean(axis=0), chosen.std(axis=0)
        if not learned:
            self._kept &= self._deviation > protocol.constant_feature * np.abs(chosen).mean(axis=0)
        self.dropped = width - int(self._kept.sum())
        if self.dropped == width:
            raise CytoBenchError(f"none of {width} features is finite in all real cells and varies; name another feature space")

    def apply(self, values: np.ndarray) -> tuple[np.ndarray, int]:
        """Return features (n, kept) on this scale, and how many values were not finite and so became the real cells' mean."""
        kept = values[:, self._kept]
        missing = ~np.isfinite(kept)
        filled = np.where(missing, self._mean[self._kept], kept)
        if not self._learned:
            filled = ((filled - self._mean[self._kept]) / self._deviation[self._kept]).clip(-self._clip, self._clip)
        return filled, int(missing.sum())


class RealCells:
    """The real cells: set A, set B, and all that are searched for copies.

    Args:
        model: whose store they are of, seen as it sees them.
        space: their features.
        protocol: of the benchmark.
    """

    def __init__(self, model: Model, space: FeatureSpace, protocol: RealismProtocol):
        total = len(model.store)
        self.n = min(protocol.cells, total // 2)
        if self.n < 2 * protocol.groups:
            raise CytoBenchError(
                f"{model.store.name} has {total} cells, and realism needs {4 * protocol.groups}: two sets of "
                f"{2 * protocol.groups}; take a larger data set"
            )
        order = np.random.default_rng(protocol.seed).permutation(total)
        self.rows = order[: max(2 * self.n, protocol.searched)]  # of the store, set A first, then set B
        self._space = space
        images = model.real(self.rows)
        described = described_once(space, images)
        self.scale = Scale(described.values, slice(0, self.n), protocol, learned=space.learned)
        self.searched = CellSet(images, self.scale.apply(described.values)[0])
        self.without_nucleus = int(described.without_nucleus[: self.n].sum())
        self.a, self.b = self.searched.part(slice(0, self.n)), self.searched.part(slice(self.n, 2 * self.n))

    def others(self, images: np.ndarray, *, anew: bool) -> CellSet:
        """Return images that are no cells of the store, with their features on the scale of the real ones.

        Args:
            images: (n, C, H, W) in [0, 1].
            anew: embed them; else features that an earlier call left in the cache do.
        """
        described = self._space.described(images) if anew else described_once(self._space, images)
        return CellSet(images, *self.scale.apply(described.values), int(described.without_nucleus.sum()))


def shuffled(images: np.ndarray, seed: int) -> np.ndarray:
    """Return images (n, C, H, W) with the pixels of each channel of each cell in random order: all intensities, no structure."""
    planes = images.reshape(-1, images.shape[-2] * images.shape[-1])
    return np.random.default_rng(seed).permuted(planes, axis=1).reshape(images.shape)


def described_once(space: FeatureSpace, images: np.ndarray) -> Described:
    """Return the features of images, from the cache where an earlier call left them: real cells' are equal for every method."""
    content = sha256_text(space.key, str(images.shape), hashlib.sha256(np.ascontiguousarray(images).data).hexdigest())
    path = cache_folder() / "features" / f"{content}.npz"
    try:
        with np.load(path) as stored:
            return Described(stored["values"].astype(np.float64), stored["without_nucleus"])
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        described = space.described(images)
    with replacing(path) as temporary:  # methods give float32, so nothing is lost
        np.savez(temporary, values=described.values.astype(np.float32), without_nucleus=described.without_nucleus)
    return described
