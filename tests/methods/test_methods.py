"""Every first-party method against the contract, and the one thing that each promises beside it."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cases import MethodCase, embed, make, recipe_of

from cytobench import registry
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, ProfileMethod, TrainableMethod


class TestRandom(MethodCase):
    name = "random"

    def test_vectors_are_standard_normal(self, method, batch):
        vectors = embed(method, batch)
        assert abs(vectors.mean()) < 0.1 and abs(vectors.std() - 1) < 0.1

    def test_another_seed_draws_other_vectors(self, tiny_store, method, batch):
        assert not np.array_equal(embed(method, batch), embed(make("random", tiny_store, 1), batch))


class TestIntensity(MethodCase):
    name = "intensity"

    def test_is_numpy(self, method, batch):
        features = dict(zip(method.feature_names, embed(method, batch)[3], strict=True))
        dna, actin = batch.images[3, 0].numpy(), batch.images[3, 2].numpy()
        assert features["Intensity_Mean_DNA"] == pytest.approx(dna.mean(), rel=1e-4)
        assert features["Intensity_Quantile95_Actin"] == pytest.approx(np.quantile(actin, 0.95), rel=1e-4)
        assert features["Correlation_DNA_Actin"] == pytest.approx(np.corrcoef(dna.ravel(), actin.ravel())[0, 1], abs=1e-3)

    def test_a_blank_cell_is_finite(self, method):
        assert np.isfinite(embed(method, CellBatch(torch.zeros(1, 3, 64, 64), None, ("DNA", "Tubulin", "Actin")))).all()

    def test_knows_no_shape(self, method, batch):
        """Shuffling a cell's pixels, all channels alike, changes nothing."""
        order = torch.randperm(64 * 64, generator=torch.Generator().manual_seed(0))
        shuffled = batch.images.flatten(2)[:, :, order].reshape(batch.images.shape)
        np.testing.assert_allclose(embed(method, CellBatch(shuffled, None, batch.channels)), embed(method, batch), atol=1e-4)


class TestRandomNetwork(MethodCase):
    name = "random-network"

    def test_another_seed_is_another_network(self, tiny_store, method, batch):
        assert not np.allclose(embed(method, batch), embed(make("random-network", tiny_store, 1), batch))

    @pytest.mark.parametrize("seed", [0, 3])
    def test_is_four_strided_convolutions_with_weights_of_the_seed(self, tiny_store, batch, seed):
        maps, pooled = batch.images, []
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            layers = [torch.nn.Conv2d(before, after, 4, 2, 1) for before, after in ((3, 32), (32, 64), (64, 128), (128, 256))]
            for layer in layers:
                torch.nn.init.kaiming_normal_(layer.weight, a=0.2)
        for layer in layers:
            maps = torch.nn.functional.leaky_relu(layer(maps), 0.2)
            pooled.append(maps.mean(dim=(2, 3)).detach())
        vectors = embed(make(self.name, tiny_store, seed), batch)
        np.testing.assert_allclose(vectors, torch.cat(pooled, dim=1).numpy(), rtol=1e-5, atol=1e-6)

    def test_moves_to_a_device_whole(self, method):
        assert sum(parameter.numel() for parameter in method.parameters()) == sum(
            before * after * 16 + after for before, after in ((3, 32), (32, 64), (64, 128), (128, 256))
        )

    @pytest.mark.parametrize(
        ("overrides", "sentence"),
        [
            (("backbone=resnet10t", "widths=[8]"), "widths are those of the network without a name, and backbone says resnet10t"),
            (("size=136", "stage=1"), "size, stage belongs to a backbone, and none is named"),
        ],
    )
    def test_is_one_network_or_the_other(self, tiny_store, overrides, sentence):
        with pytest.raises(CytoBenchError, match=sentence):
            make(self.name, tiny_store, 0, *overrides)


def wells() -> pd.DataFrame:
    plates = ["Week1_1", "Week1_2", "Week2_1"]
    batches = ["Week1", "Week1", "Week2"]
    return pd.DataFrame(
        {"Metadata_Plate": plates, "Metadata_Well": "A01", "Metadata_Batch": batches, "Metadata_Cells": [1, 2, 4]}
    )


def test_batch_knows_the_week_only(tiny_store: CellStore):
    assert make("batch", tiny_store).profile(wells()).tolist() == [[1, 0], [1, 0], [0, 1]]


def test_cell_count_knows_the_count_only(tiny_store: CellStore):
    profiles = make("cell-count", tiny_store).profile(wells())
    np.testing.assert_allclose(profiles, [[1, 0, 1], [2, np.log(2), 4], [4, np.log(4), 16]], rtol=1e-6)


def test_every_method_has_a_test():
    """A new method cannot land without its case."""
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    tested = {name for text in texts for name in re.findall(r'^class \w+\(\w*Case.*?\):\n    name = "(.+)"$', text, re.MULTILINE)}
    profile_methods = {name for name, entry in registry.methods().items() if issubclass(entry.load_class(), ProfileMethod)}
    first_party = {name for name, entry in registry.methods().items() if entry.distribution == "cytobench"}
    assert first_party - profile_methods <= tested
    assert profile_methods == {"batch", "cell-count"}


@pytest.mark.parametrize("name", [name for name, entry in registry.methods().items() if entry.distribution == "cytobench"])
def test_every_method_says_what_it_is(name: str):
    entry = registry.method(name)
    assert entry.card.title and entry.card.citation and entry.card.supervision != "not stated"
    assert entry.card.kind == "control" or "doi:" in entry.card.citation
    if entry.card.trained:
        assert issubclass(entry.load_class(), TrainableMethod)
        assert recipe_of(name).training is not None
        assert entry.recipe_file.is_file()
