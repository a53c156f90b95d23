"""Control: what a histogram of each channel already tells."""

import itertools

import torch
from torch import Tensor

from cytobench.method import CellBatch, Method

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Intensity(Method):
    """Mean, standard deviation and quantiles of each channel, and the correlation of each pair of channels."""

    def setup(self) -> None:
        """Name the features."""
        statistics = ["Mean", "Std", *(f"Quantile{round(100 * q)}" for q in QUANTILES)]
        names = [f"Intensity_{statistic}_{channel}" for statistic in statistics for channel in self.channels]
        self._pairs = list(itertools.combinations(range(len(self.channels)), 2))
        self.feature_names = names + [f"Correlation_{self.channels[a]}_{self.channels[b]}" for a, b in self._pairs]

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, 7 C + C (C - 1) / 2) float32."""
        pixels = cells.images.flatten(2)
        mean, std = pixels.mean(2), pixels.std(2)
        quantiles = torch.quantile(pixels, torch.tensor(QUANTILES, device=pixels.device), dim=2)
        unit = (pixels - mean[:, :, None]) / (std[:, :, None] + 1e-6)
        correlations = [(unit[:, a] * unit[:, b]).mean(1, keepdim=True) for a, b in self._pairs]
        return torch.cat([mean, std, *quantiles, *correlations], dim=1)
