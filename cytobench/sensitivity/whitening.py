"""Wells of whitened cells."""

from __future__ import annotations

import pandas as pd

from cytobench.profiling.aggregate import wells_of
from cytobench.profiling.postprocess import NotAvailableError
from cytobench.profiling.streaming import fit_filling, fit_whitening, stream_means, stream_moments
from cytobench.scoring.protocol import MOAProtocol
from cytobench.sensitivity.cells import EmbeddedCells

WHITENING_RIDGE = 1e-6
"""CytoGAN's (Goldsborough et al. 2017)."""


def whitened_wells(cells: EmbeddedCells, protocol: MOAProtocol) -> pd.DataFrame:
    """The mean over the whitened cells of each well.

    Whitening is affine, so that these means are the whitened means, and no whitened cell is ever held. Before it, a missing
    value is filled by the control cells' mean of its feature, and a feature without any value in control cells is dropped.

    Args:
        cells: of the run.
        protocol: says which are the controls, and how many there must be.

    Raises:
        NotAvailableError: where the control cells are too few, or have no value at all.
    """
    control = (cells.cells["compound"] == protocol.control).to_numpy()
    if control.sum() < protocol.minimum_controls:
        raise NotAvailableError(f"only {int(control.sum())} control cells to whiten by")
    filling = fit_filling(cells.values, control)
    if not filling.kept.any():
        raise NotAvailableError("no feature has a value in any control cell to whiten by")
    whitening = fit_whitening(stream_moments(cells.values, control, filling), WHITENING_RIDGE)
    wells, owner = wells_of(cells.cells)
    means = whitening.apply(stream_means(cells.values, owner, filling))
    # a whitened feature is a mixture of all, so that it must have the name of none (features are selected by name, too)
    names = [f"whitened_{number}" for number in range(means.shape[1])]
    return pd.concat([wells, pd.DataFrame(means, columns=names)], axis=1)
