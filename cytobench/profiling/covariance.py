"""Powers of a covariance matrix without ever forming it: as exact for 10,000 features as for 10."""

from __future__ import annotations

import numpy as np
from sklearn.covariance import ledoit_wolf_shrinkage


class Covariance:
    """The covariance of n rows in D dimensions, kept as its (at most n - 1) non-zero eigenpairs.

    ``n`` control wells span few directions of a deep network's features, so an eigendecomposition of the D x D matrix
    would mostly compute zeros; a thin singular value decomposition of the centred rows holds the same.

    Args:
        rows: (n, D), n >= 2.
        shrink: shrink towards the mean variance after Ledoit and Wolf (2004); the sample covariance is then the
            maximum-likelihood one (ddof 0), as in their paper and in scikit-learn, and otherwise the unbiased one (ddof 1).
    """

    def __init__(self, rows: np.ndarray, *, shrink: bool = False):
        centred = rows - rows.mean(axis=0)
        tall = len(rows) > 2 * rows.shape[1]  # where LAPACK itself begins with a QR, but then makes left vectors that none needs
        triangle = np.linalg.qr(centred, mode="r") if tall else centred
        _, singular, self._vectors = np.linalg.svd(triangle, full_matrices=False)
        self._eigenvalues = singular**2 / (len(rows) - (0 if shrink else 1))
        self._floor = 0.0
        if shrink:
            shrinkage = ledoit_wolf_shrinkage(centred, assume_centered=True)
            self._floor = shrinkage * self._eigenvalues.sum() / rows.shape[1]
            self._eigenvalues = (1 - shrinkage) * self._eigenvalues + self._floor

    def power(self, values: np.ndarray, exponent: float, ridge: float) -> np.ndarray:
        """Return ``values @ (C + ridge I) ** exponent`` for ``values`` (m, D), by the symmetric (ZCA) matrix power.

        Directions the rows do not span have eigenvalue 0, so a negative exponent needs ``ridge > 0`` or shrinkage.
        """
        inside = values @ self._vectors.T
        outside = values - inside @ self._vectors
        scaled = (inside * (self._eigenvalues + ridge) ** exponent) @ self._vectors
        if len(self._vectors) < values.shape[1]:
            scaled += outside * (self._floor + ridge) ** exponent
        return scaled
