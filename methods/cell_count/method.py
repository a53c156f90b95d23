"""Control: how many cells a well holds. What it scores is toxicity's share."""

import numpy as np
import pandas as pd

from cytobench.method import ProfileMethod


class CellCount(ProfileMethod):
    """The count, its logarithm and its square: the cosine of one feature alone would know only its sign."""

    feature_names = ("Count_Cells", "Count_LogCells", "Count_SquareCells")

    def profile(self, wells: pd.DataFrame) -> np.ndarray:
        """Return (wells, 3) float32."""
        cells = wells["Metadata_Cells"].to_numpy(np.float32)
        return np.stack([cells, np.log(cells), cells**2], axis=1)
