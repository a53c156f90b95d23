"""Samplers: fixed by their seed, resumed anywhere, shared out between processes, and balanced where they say so."""

import itertools

import numpy as np
import pytest

from cytobench.datasets.samplers import Sampler, make_sampler
from cytobench.errors import CytoBenchError

KINDS = ["shuffled", "balanced-treatment", "balanced-plate", "dmso"]


def drawn(sampler, batches):
    return np.concatenate(list(itertools.islice(sampler, batches)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_is_fixed_by_the_seed(tiny_store, kind):
    first, again, other = (drawn(make_sampler(tiny_store, kind, batch_size=8, seed=seed), 60) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(set(first.tolist())) > 1


@pytest.mark.parametrize(("cells", "batch_size"), [(10, 5), (10, 3), (3, 8), (1, 4)])
def test_every_cell_comes_once_an_epoch(cells, batch_size):
    rows = drawn(Sampler(np.arange(cells), None, batch_size=batch_size, seed=1), 6 * cells // batch_size)
    epochs = np.split(rows[: len(rows) // cells * cells], len(rows) // cells)
    assert len(epochs) > 1 or cells == 1
    assert all(sorted(epoch) == list(range(cells)) for epoch in epochs)


def test_epochs_differ():
    sampler = Sampler(np.arange(50), None, batch_size=50, seed=0)
    assert not np.array_equal(sampler.batch(0), sampler.batch(1))
    assert not np.array_equal(sampler.batch(0), np.arange(50))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("position", [1, 7, 50])
def test_it_goes_on_in_the_middle_of_an_epoch(tiny_store, kind, position):
    whole = make_sampler(tiny_store, kind, batch_size=5, seed=3)
    expected = list(itertools.islice(whole, 60))
    resumed = make_sampler(tiny_store, kind, batch_size=5, seed=3)
    resumed.position = position
    for batch in expected[position:]:
        np.testing.assert_array_equal(next(iter(resumed)), batch)
    assert resumed.position == whole.position == 60


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_what_one_process_would_see(tiny_store, kind, ranks):
    one = drawn(make_sampler(tiny_store, kind, batch_size=4 * ranks, seed=0), 30)
    shares = [make_sampler(tiny_store, kind, batch_size=4, seed=0, rank=rank, ranks=ranks) for rank in range(ranks)]
    together = np.concatenate([np.concatenate([share.batch(position) for share in shares]) for position in range(30)])
    np.testing.assert_array_equal(together, one)


@pytest.mark.parametrize(("rank", "ranks"), [(2, 2), (-1, 2), (0, 0)])
def test_a_rank_that_is_none_is_refused(rank, ranks):
    with pytest.raises(CytoBenchError, match=f"rank {rank} of {ranks}"):
        Sampler(np.arange(3), None, batch_size=1, seed=0, rank=rank, ranks=ranks)


def test_groups_come_equally_often_and_their_rows_too():
    groups = np.repeat(np.arange(4), [1, 3, 20, 76]).astype(np.int32)
    rows = drawn(Sampler(np.arange(100), groups, batch_size=10, seed=0), 40)
    counts = np.bincount(groups[rows])
    assert counts.tolist() == [100, 100, 100, 100]
    each = np.bincount(rows, minlength=100)
    assert each[0] == 100
    assert set(each[1:4]) <= {32, 33, 34, 35, 36}
    assert each[4:24].min() >= 4


@pytest.mark.parametrize(
    ("kind", "columns"), [("balanced-treatment", ["compound", "concentration"]), ("balanced-plate", ["plate"])]
)
def test_balance_is_of_treatments_or_plates(tiny_store, kind, columns):
    epoch = drawn(make_sampler(tiny_store, kind, batch_size=8, seed=0), len(tiny_store) // 8)
    assert len(epoch) == len(tiny_store)
    before, after = (tiny_store.cells.iloc[rows].groupby(columns).size() for rows in (np.arange(len(tiny_store)), epoch))
    assert len(before) == len(after)
    assert after.max() - after.min() <= 1 <= before.max() - before.min() + (kind == "balanced-plate")


def test_dmso_only(tiny_store):
    rows = drawn(make_sampler(tiny_store, "dmso", batch_size=8, seed=0), 18)
    compounds = tiny_store.cells["compound"].to_numpy()
    assert set(compounds[rows]) == {"DMSO"}
    assert len(set(rows.tolist())) == (compounds == "DMSO").sum()


class WithoutControls:
    name = "s"

    def __len__(self):
        return 3

    def groups(self, *columns):
        return np.zeros(3, np.int32), ("taxol",)


def test_a_store_without_dmso_says_so():
    with pytest.raises(CytoBenchError, match="s has no cells of DMSO"):
        make_sampler(WithoutControls(), "dmso", batch_size=1, seed=0)


def test_a_method_without_supervision_is_not_told_of_treatments(cli, tmp_path, tiny_store):
    words = ["run", "--method", "lsgan", "--dataset", tiny_store.path, "--runs", tmp_path, "-o", "training.batch_size=8"]
    sentence = cli(*words, "-o", "training.sampling=balanced-treatment").sentence
    assert "training.sampling balanced-treatment tells lsgan of treatments" in sentence
    assert not list(tmp_path.iterdir())
