"""Control: a random vector for each cell. What it scores is chance under the protocol."""

import hashlib

import numpy as np
from pydantic import Field

from cytobench.method import CellBatch, Method
from cytobench.schema import Record


class Random(Method):
    """Standard normal vectors, drawn from a generator seeded by the cell's own pixels: the same cell, the same vector."""

    class Options(Record):
        """How long the vectors are."""

        features: int = Field(default=128, gt=0)

    def embed(self, cells: CellBatch) -> np.ndarray:
        """Return (B, features) float32."""
        return np.stack([self._draw(image.tobytes()) for image in cells.images.cpu().numpy()])

    def _draw(self, pixels: bytes) -> np.ndarray:
        digest = hashlib.blake2b(pixels, digest_size=8, key=str(self.seed).encode()).digest()
        generator = np.random.default_rng(int.from_bytes(digest, "little"))
        return generator.standard_normal(self.options.features, dtype=np.float32)
