"""How an adversarial training fails: the generator makes one cell again and again, or the discriminator is never wrong."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, pdist

from cytobench.errors import CytoBenchError

POOLED = 16
"""Pixels along each side in which cells are compared. Camera noise, alike in every real crop and independent between pixels,
averages out over a pooled pixel; shape, size and place of a cell, in which a collapsed generator does not vary, stay."""

COLLAPSED_DIVERSITY = 0.25
"""Below it a generator has collapsed: its cells are less than a quarter as far apart as real ones.
The average cell of BBBC021's crops under heavy noise has 0.12; LSGAN's recipe ``small`` goes from 0.13 to 0.96 in 800 steps."""

WON_ACCURACY = 0.99
"""From it on a discriminator has won: of a hundred cells it misjudges one at most, and tells the generator little."""


def diversity(real: Tensor, generated: Tensor) -> float:
    """Return the mean pairwise distance of generated cells over that of real ones.

    Args:
        real: (n, C, H, W) images in [0, 1].
        generated: (m, C, H, W), the same.

    Returns:
        Near 0 where all generated cells are one, about 1 where they vary as real ones do.

    Raises:
        CytoBenchError: for fewer than 2 cells, values that are not finite, or real cells that are all alike.
    """
    spread, own = _spread(real, "real"), _spread(generated, "generated")
    if spread == 0:
        raise CytoBenchError("the real cells are all alike, so nothing can be as varied as they are; look at the data set")
    return own / spread


def discriminator_accuracy(judged_real: Tensor, judged_generated: Tensor) -> float:
    """Return how often a discriminator is right, where the half of all cells that it judges most real is what it calls real.

    So it needs no threshold, and means the same for a probability, a squared error's target or a critic without a scale.

    Args:
        judged_real: (n,) judgements of real cells, higher for what looks more real.
        judged_generated: (n,) judgements of as many generated ones.

    Returns:
        0.5 where it cannot tell them apart, 1 where it always does; a cell exactly on the median counts half.

    Raises:
        CytoBenchError: for unequal numbers, none at all, or judgements that are not finite.
    """
    real, generated = judged_real.flatten().double().cpu(), judged_generated.flatten().double().cpu()
    if len(real) != len(generated) or not len(real):
        raise CytoBenchError(f"{len(real)} judged real cells and {len(generated)} generated ones; judge as many of each")
    pooled = torch.cat([real, generated]).sort().values
    if not pooled.isfinite().all():
        raise CytoBenchError("the discriminator's judgements are not finite: training diverged; lower its learning rate")
    middle = pooled[len(real) - 1 : len(real) + 1].mean()
    right = torch.cat([real > middle, generated < middle]).sum() + torch.cat([real, generated]).eq(middle).sum() / 2
    return float(right / len(pooled))


def warnings(diversity: float | None, accuracy: float | None) -> tuple[str, ...]:
    """Return a sentence on each failure that an evaluation shows; a None is not judged."""
    found = []
    if diversity is not None and diversity < COLLAPSED_DIVERSITY:
        found.append(
            f"mode collapse: generated cells are {diversity:.2f} times as varied as real ones (below {COLLAPSED_DIVERSITY}); "
            f"early in training that may pass{'' if accuracy is None else ', later lower the learning rate of the discriminator'}"
        )
    if accuracy is not None and accuracy >= WON_ACCURACY:
        found.append(
            f"the discriminator has won: it is right about {accuracy:.1%} of cells, so the generator learns little; "
            "lower its learning rate, or give it more input noise"
        )
    return tuple(found)


def _spread(images: Tensor, name: str) -> float:
    """The mean distance between two of the cells, pooled."""
    if len(images) < 2:
        raise CytoBenchError(f"{len(images)} {name} cells are too few to compare with one another; give 2 or more")
    pooled = adaptive_avg_pool2d(images.detach().float(), POOLED).flatten(1)
    if not pooled.isfinite().all():
        raise CytoBenchError(f"the {name} cells hold pixels that are not finite; if training diverged, lower the learning rates")
    return float(pdist(pooled).mean())
