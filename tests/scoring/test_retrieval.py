"""Average precision against scikit-learn, copairs and brute force over the orders of ties."""

import itertools

import numpy as np
import pandas as pd
import pytest
from copairs.map import average_precision as copairs_average_precision
from sklearn.metrics import average_precision_score

from cytobench.scoring.moa import cosine_similarity
from cytobench.scoring.retrieval import average_precision


def test_is_scikit_learn_without_ties():
    generator = np.random.default_rng(0)
    similarity, labels = generator.normal(size=(12, 40)), generator.random((12, 40)) < 0.3
    labels[:, :2] = [True, False]
    ours = average_precision(similarity, labels, ~labels)
    theirs = [average_precision_score(truth, score) for truth, score in zip(labels, similarity, strict=True)]
    np.testing.assert_allclose(ours, theirs)


def test_is_copairs_with_its_own_pair_rules():
    generator = np.random.default_rng(1)
    meta = pd.DataFrame({"moa": generator.choice(list("xyz"), 40), "compound": generator.choice(list("abcdefgh"), 40)})
    profiles = generator.normal(size=(40, 6)).astype(np.float32)
    theirs = copairs_average_precision(meta, profiles, ["moa"], ["compound"], [], ["moa"], progress_bar=False)
    same_moa = np.equal.outer(meta["moa"].to_numpy(), meta["moa"].to_numpy())
    other_compound = np.not_equal.outer(meta["compound"].to_numpy(), meta["compound"].to_numpy())
    ours = average_precision(cosine_similarity(profiles.astype(float)), same_moa & other_compound, ~same_moa)
    np.testing.assert_allclose(ours, theirs["average_precision"], atol=1e-5)


@pytest.mark.parametrize("scores", [[2, 1, 1, 1, 0], [1, 1, 1, 1, 1], [3, 3, 2, 2, 1], [5, 4, 3, 2, 1]])
@pytest.mark.parametrize("labels", [[1, 0, 1, 0, 0], [0, 0, 1, 1, 0], [0, 1, 0, 0, 1]])
def test_ties_give_the_mean_over_all_their_orders(scores, labels):
    orders = [
        average_precision_score(np.array(labels)[list(order)], -np.arange(5))
        for order in itertools.permutations(range(5))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    truth = np.array([labels], bool)
    assert average_precision(np.array([scores], float), truth, ~truth)[0] == pytest.approx(np.mean(orders))


def test_pairs_that_are_neither_are_ignored():
    similarity = np.array([[9.0, 2.0, 1.0, 8.0]])
    positives, negatives = np.array([[0, 1, 0, 0]], bool), np.array([[0, 0, 1, 0]], bool)
    assert average_precision(similarity, positives, negatives).tolist() == [1.0]


@pytest.mark.parametrize(("positives", "negatives"), [([0, 0], [1, 1]), ([1, 1], [0, 0]), ([0, 0], [0, 0])])
def test_a_query_without_positives_or_negatives_is_nan(positives, negatives):
    result = average_precision(np.zeros((1, 2)), np.array([positives], bool), np.array([negatives], bool))
    assert np.isnan(result).tolist() == [True]
