"""Control: which batch a well was imaged in, and nothing else. What it scores is what the plate layout gives away."""

import numpy as np
import pandas as pd

from cytobench.method import ProfileMethod


class Batch(ProfileMethod):
    """One-hot batch."""

    def profile(self, wells: pd.DataFrame) -> np.ndarray:
        """Return (wells, batches) float32."""
        batches = pd.get_dummies(wells["Metadata_Batch"], dtype=np.float32)
        self.feature_names = [f"Batch_{name}" for name in batches.columns]
        return batches.to_numpy()
