"""Nearest neighbours: leave-out rules, ties, confusion."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity as sklearn_cosine

from cytobench.scoring import moa

COMPOUNDS = np.array(["a", "a", "b", "c", "c", "d"], dtype=object)
MOAS = np.array(["X", "X", "X", "Y", "Y", "Y"], dtype=object)


def plain_nearest_neighbour(similarity: np.ndarray, gallery: np.ndarray) -> list[bool]:
    """The protocol in loops, without ties."""
    hits = []
    for query in range(len(similarity)):
        allowed = [other for other in range(len(similarity)) if gallery[query, other]]
        if allowed:
            hits.append(MOAS[max(allowed, key=lambda other: similarity[query, other])] == MOAS[query])
    return hits


def test_cosine_similarity_is_scikit_learn():
    profiles = np.random.default_rng(0).normal(size=(7, 5))
    np.testing.assert_allclose(moa.cosine_similarity(profiles), sklearn_cosine(profiles), atol=1e-9)


def test_a_zero_profile_is_like_nothing():
    similarity = moa.cosine_similarity(np.array([[0.0, 0.0], [1.0, 2.0]]))
    assert similarity.tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize("seed", range(5))
def test_nsc_is_the_loop(seed):
    similarity = moa.cosine_similarity(np.random.default_rng(seed).normal(size=(6, 3)))
    gallery = moa.not_same_compound(COMPOUNDS)
    assert moa.nearest_neighbours(similarity, gallery, MOAS).correct.tolist() == plain_nearest_neighbour(similarity, gallery)


def test_nsc_leaves_out_every_treatment_of_the_same_compound():
    """Treatments 0 and 1 are one compound and identical; their nearest other compound is of another MOA."""
    profiles = np.array([[1, 0.0], [1, 0.0], [-1, 0.1], [1, 0.1], [0, 1], [0, 1]])
    found = moa.nearest_neighbours(moa.cosine_similarity(profiles), moa.not_same_compound(COMPOUNDS), MOAS)
    assert found.correct[:2].tolist() == [0, 0]
    assert found.weights[0].argmax() == 3


def test_nscb_leaves_out_the_same_batch_and_moas_that_sit_in_one():
    batches = [frozenset([week]) for week in ("1", "1", "2", "3", "3", "3")]
    gallery = moa.not_same_compound_or_batch(COMPOUNDS, batches, MOAS)
    assert not gallery[3:].any() and not gallery[:, 3:].any()  # Y sits in week 3 alone
    assert gallery[0].tolist() == [False, False, True, False, False, False]


def test_nscb_of_a_treatment_in_two_batches_leaves_out_both():
    batches = [frozenset(weeks) for weeks in ("12", "1", "2", "3", "4", "5")]
    gallery = moa.not_same_compound_or_batch(COMPOUNDS, batches, MOAS)
    assert not gallery[0, 2] and gallery[1, 2]


def test_ties_give_the_expected_accuracy():
    everything_equal = np.ones((6, 6))
    found = moa.nearest_neighbours(everything_equal, moa.not_same_compound(COMPOUNDS), MOAS)
    assert found.correct.tolist() == [1 / 4, 1 / 4, 2 / 5, 1 / 4, 1 / 4, 2 / 5]
    np.testing.assert_allclose(found.weights.sum(axis=1), 1)


def test_rounding_errors_do_not_break_ties():
    base = np.random.default_rng(0).normal(size=4)
    profiles = np.stack([base * factor for factor in (1, 3, 7, 0.1, 1e-3, 1e5)])
    assert np.unique(moa.cosine_similarity(profiles)).tolist() == [1.0]


def test_a_query_without_gallery_is_not_asked():
    gallery = moa.not_same_compound(COMPOUNDS)
    gallery[2] = False
    assert moa.nearest_neighbours(np.eye(6), gallery, MOAS).queries.tolist() == [0, 1, 3, 4, 5]


def test_confusion_counts_ties_by_their_part():
    found = moa.nearest_neighbours(np.ones((6, 6)), moa.not_same_compound(COMPOUNDS), MOAS)
    counts = moa.confusion(found, MOAS, ["X", "Y"])
    np.testing.assert_allclose(counts, [[0.25 + 0.25 + 0.4, 0.75 + 0.75 + 0.6], [2.1, 0.9]])
    np.testing.assert_allclose(counts.sum(axis=1), [3, 3])
