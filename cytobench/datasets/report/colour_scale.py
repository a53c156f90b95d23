"""One colour scale for all pictures of a kind, so that plates can be compared by eye."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from cytobench.schema import Record

COLOURS = colormaps["viridis"]
"""Even to the eye, and readable by the colour-blind."""


class ColourScale(Record):
    """Values from ``low`` (dark) to ``high`` (bright); what lies outside has the colour of the end."""

    low: float
    high: float

    def pixels(self, values: np.ndarray) -> np.ndarray:
        """Colour an array of values: (..., 3) uint8."""
        coloured: np.ndarray = COLOURS(self._share(values), bytes=True)
        return coloured[..., :3]

    def hexadecimal(self, value: float) -> str:
        """Colour one value: ``#rrggbb``."""
        return to_hex(COLOURS(float(self._share(np.asarray(value)))))

    @property
    def gradient(self) -> str:
        """The scale as a CSS background."""
        return f"linear-gradient(to right, {', '.join(to_hex(COLOURS(share)) for share in np.linspace(0, 1, 9))})"

    def _share(self, values: np.ndarray) -> np.ndarray:
        return np.clip((values - self.low) / (self.high - self.low if self.high > self.low else 1.0), 0, 1)
