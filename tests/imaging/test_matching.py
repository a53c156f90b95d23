"""Objects are matched one to one, and counted right."""

import numpy as np
import pytest

from cytobench.errors import CytoBenchError
from cytobench.imaging.matching import Matches, match, pooled


def bar(start, stop, label=1):
    """A row of 100 pixels with one object in it."""
    labels = np.zeros((1, 100), int)
    labels[:, start:stop] = label
    return labels


def counts(matches):
    return matches.true_positives, matches.false_positives, matches.false_negatives


def scattered(seed):
    """Random blocks, later ones over earlier ones, with labels in no order."""
    generator = np.random.default_rng(seed)
    labels = np.zeros((60, 60), np.uint16)
    for label in generator.permutation(200)[:40] + 1:
        y, x = generator.integers(0, 55, 2)
        labels[y : y + generator.integers(2, 12), x : x + generator.integers(2, 12)] = label
    return labels


def test_a_prediction_equal_to_the_truth_matches_whatever_its_numbers():
    truth = scattered(0)
    objects = len(np.unique(truth)) - 1
    assert counts(match(truth, truth * 7, 0.99)) == (objects, 0, 0)


@pytest.mark.parametrize(("iou", "expected"), [(0.5, (1, 0, 0)), (0.59, (1, 0, 0)), (0.6, (0, 1, 1)), (0.7, (0, 1, 1))])
def test_the_overlap_must_exceed_the_threshold(iou, expected):
    assert counts(match(bar(0, 10), bar(0, 6), iou)) == expected


def test_one_prediction_over_two_nuclei_matches_neither_and_two_over_one_do_not_both():
    two = bar(0, 10) + bar(10, 20, label=2)
    assert counts(match(two, bar(0, 20))) == (0, 1, 2)
    assert counts(match(bar(0, 20), bar(0, 15) + bar(15, 20, label=2))) == (1, 1, 0)


@pytest.mark.parametrize("iou", [0.5, 0.7, 0.9])
def test_it_agrees_with_comparing_every_pair(iou):
    for seed in range(5):
        truth, predicted = scattered(seed), scattered(seed)
        predicted[:, ::17] = 0
        predicted[30:] = np.roll(predicted[30:], seed + 2, axis=1)
        pairs = [
            (one, other)
            for one in np.unique(truth[truth > 0])
            for other in np.unique(predicted[predicted > 0])
            if ((truth == one) & (predicted == other)).sum() / ((truth == one) | (predicted == other)).sum() > iou
        ]
        found, true = len(np.unique(predicted)) - 1, len(np.unique(truth)) - 1
        assert counts(match(truth, predicted, iou)) == (len(pairs), found - len(pairs), true - len(pairs))
        assert 0 < len(pairs) < true


def test_nothing_to_find():
    nothing = np.zeros((4, 4), int)
    assert match(nothing, nothing).f1 == 1
    assert counts(match(nothing, nothing + 1)) == (0, 1, 0)
    assert match(nothing + 1, nothing).f1 == 0


def test_f1_and_pooling_weigh_every_object_the_same():
    good, bad = Matches(true_positives=9, false_positives=1, false_negatives=1), match(bar(0, 9), bar(50, 60))
    assert good.f1 == pytest.approx(0.9)
    assert counts(pooled([good, bad])) == (9, 2, 2)
    assert pooled([good, bad]).f1 == pytest.approx(18 / 22)
    assert pooled([]).f1 == 1


@pytest.mark.parametrize("iou", [0.3, 0.49, 1, -1])
def test_a_threshold_without_unique_matches_is_refused(iou):
    with pytest.raises(CytoBenchError, match="choose one from 0.5"):
        match(bar(0, 1), bar(0, 1), iou)


@pytest.mark.parametrize(
    ("predicted", "sentence"),
    [
        (bar(0, 5).T, r"true labels of \(1, 100\), predicted ones of \(100, 1\)"),
        (bar(0, 5) / 2, "float64"),
        (-bar(0, 5), "from -1"),
    ],
)
def test_what_are_no_labels_of_the_same_image_is_refused(predicted, sentence):
    with pytest.raises(CytoBenchError, match=sentence):
        match(bar(0, 5), predicted)


def test_any_integer_type_will_do():
    for kind in (np.uint8, np.int32, np.uint64):
        assert counts(match(bar(0, 5).astype(kind), bar(0, 4).astype(np.uint16))) == (1, 0, 0)
