"""How well predicted objects match true ones: one to one, at a threshold of the intersection over union (IoU)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydantic import Field

from cytobench.errors import CytoBenchError
from cytobench.schema import Record


class Matches(Record):
    """Counts of objects; those of several images add up with :func:`pooled`."""

    true_positives: int = Field(ge=0)
    """True objects with a predicted one of their own."""
    false_positives: int = Field(ge=0)
    """Predicted objects without a true one."""
    false_negatives: int = Field(ge=0)
    """True objects that were missed."""

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); 1 where there was nothing to find and nothing was found."""
        objects = 2 * self.true_positives + self.false_positives + self.false_negatives
        return 2 * self.true_positives / objects if objects else 1.0


def pooled(matches: Iterable[Matches]) -> Matches:
    """Add up the counts of several images, so that every object weighs the same."""
    total = Matches(true_positives=0, false_positives=0, false_negatives=0)
    for one in matches:
        total = Matches(
            true_positives=total.true_positives + one.true_positives,
            false_positives=total.false_positives + one.false_positives,
            false_negatives=total.false_negatives + one.false_negatives,
        )
    return total


def match(truth: np.ndarray, predicted: np.ndarray, iou: float = 0.5) -> Matches:
    """Count the objects that overlap by more than ``iou``.

    Above one half, an object overlaps with one other at most, so no assignment is needed (Kirillov et al. 2019, section 4.1). A
    pair at exactly ``iou`` is no match.

    Args:
        truth: (H, W) integer labels, 0 background; labels need not be consecutive.
        predicted: (H, W) integer labels.
        iou: From 0.5 to below 1.
    """
    if not 0.5 <= iou < 1:
        raise CytoBenchError(f"an IoU threshold of {iou:g} gives no unique matches; choose one from 0.5 to below 1")
    _check(truth, predicted)
    true_areas, predicted_areas = (np.bincount(labels.ravel().astype(np.int64)) for labels in (truth, predicted))
    row, column, shared = _overlaps(truth, predicted)
    union = true_areas[row] + predicted_areas[column] - shared
    matched = int((shared > iou * union).sum())
    return Matches(
        true_positives=matched,
        false_positives=int((predicted_areas[1:] > 0).sum()) - matched,
        false_negatives=int((true_areas[1:] > 0).sum()) - matched,
    )


def _overlaps(truth: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of a true and a predicted label that share pixels, and how many: the contingency table without its zeros."""
    both = (truth > 0) & (predicted > 0)
    columns = int(predicted.max(initial=0)) + 1
    pairs, shared = np.unique(truth[both].astype(np.int64) * columns + predicted[both], return_counts=True)
    return pairs // columns, pairs % columns, shared


def _check(truth: np.ndarray, predicted: np.ndarray) -> None:
    if truth.shape != predicted.shape:
        raise CytoBenchError(f"true labels of {truth.shape}, predicted ones of {predicted.shape}; give labels of one image")
    for name, labels in (("true", truth), ("predicted", predicted)):
        if labels.dtype.kind not in "iu" or labels.min(initial=0) < 0:
            raise CytoBenchError(f"the {name} labels are {labels.dtype} from {labels.min()}; give integers of 0 and above")
