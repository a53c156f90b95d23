"""The contract that every image method keeps; the test of a method names it and adds what only it promises."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cytobench import registry
from cytobench.construction import construct
from cytobench.datasets.batches import BatchReader
from cytobench.datasets.opening import Dataset
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import AdversarialMethod, CellBatch, GenerativeMethod, InvertibleMethod, Method, TrainableMethod
from cytobench.training.checkpoint import load_weights, save_weights
from cytobench.training.recipe import Recipe, choose_recipe, read_recipes
from cytobench.training.trainer import Trainer

CPU = torch.device("cpu")


def recipe_of(name: str, *overrides: str) -> Recipe:
    return choose_recipe(read_recipes(registry.method(name).recipe_file), None, overrides, name)[1]


def make(name: str, data: Dataset, seed: int = 0, *overrides: str) -> Method:
    method = construct(registry.method(name), recipe_of(name, *overrides), data, seed, CPU)
    return method.eval() if isinstance(method, torch.nn.Module) else method


def embed(method: Method, batch: CellBatch) -> np.ndarray:
    with torch.inference_mode():
        return np.asarray(method.embed(batch))


def assert_finite(method: Method, vectors: np.ndarray) -> None:
    """NaN are allowed, and few, where the method says so; infinite values never."""
    if method.nan_features:
        assert not np.isinf(vectors).any()
        assert np.isnan(vectors).mean() < 0.1
    else:
        assert np.isfinite(vectors).all()


def disc_masks(cells: int, size: int) -> torch.Tensor:
    """(n, size, size) uint8: a nucleus in a cell, in the middle of each crop."""
    offset = torch.arange(size) - (size - 1) / 2
    radius = torch.hypot(offset[:, None], offset[None]) / size
    return ((radius < 0.4).byte() + (radius < 0.2).byte()).expand(cells, -1, -1)


class MethodCase:
    """Every image method."""

    name: str

    @pytest.fixture
    def method(self, tiny_store: CellStore) -> Method:
        return make(self.name, tiny_store)

    @pytest.fixture
    def batch(self, tiny_store: CellStore) -> CellBatch:
        return BatchReader(tiny_store, recipe_of(self.name).input).read(np.arange(16))

    def test_embed_is_float32_finite_and_two_dimensional(self, method: Method, batch: CellBatch):
        vectors = embed(method, batch)
        assert vectors.dtype == np.float32 and vectors.ndim == 2 and len(vectors) == 16
        assert_finite(method, vectors)

    def test_embed_is_deterministic(self, method: Method, batch: CellBatch):
        assert np.array_equal(embed(method, batch), embed(method, batch), equal_nan=True)

    def test_seed_fixes_the_method(self, tiny_store: CellStore, method: Method, batch: CellBatch):
        assert np.array_equal(embed(method, batch), embed(make(self.name, tiny_store), batch), equal_nan=True)

    @pytest.mark.parametrize("rows", [[5], [9, 5, 0], list(range(16))[::-1]])
    def test_a_cell_does_not_depend_on_its_batch(self, method: Method, batch: CellBatch, rows: list[int]):
        part = batch.map(lambda tensor: tensor[rows])
        np.testing.assert_allclose(embed(method, part), embed(method, batch)[rows], rtol=1e-4, atol=1e-5)

    def test_cells_differ(self, method: Method, batch: CellBatch):
        assert len(np.unique(embed(method, batch), axis=0)) == 16

    def test_feature_names_match(self, method: Method, batch: CellBatch):
        names = method.feature_names
        assert names is None or (len(names) == len(set(names)) == embed(method, batch).shape[1])

    @pytest.mark.parametrize("channels", [1, 2, 5])
    def test_any_number_of_channels(self, channels: int):
        size = recipe_of(self.name).input.crop_size or 64
        names = tuple(f"channel{number}" for number in range(channels))
        method = registry.method(self.name).load_class()(recipe_of(self.name), names, size, 0)
        masks = disc_masks(3, size) if recipe_of(self.name).input.masks else None
        batch = CellBatch(torch.rand(3, channels, size, size), masks, names)
        assert_finite(method, embed(method, batch))


def recorded_losses(method: TrainableMethod, batch: CellBatch) -> dict[str, float]:
    """The losses of one training step that moves nothing."""
    losses: dict[str, float] = {}
    method.training_step(batch, lambda name, loss: losses.update({name: float(loss.detach())}))
    return losses


class TrainableCase(MethodCase):
    """Every trained method."""

    def test_a_step_moves_every_network_and_stays_finite(self, tiny_store: CellStore, batch: CellBatch):
        method = self.trained(tiny_store, steps=3)
        fresh = make(self.name, tiny_store)
        for name in method.recipe.optimizer:
            pairs = zip(method.parameters_of(name), fresh.parameters_of(name), strict=True)
            assert any(not torch.equal(trained, untrained) for trained, untrained in pairs), name
        assert all(torch.isfinite(parameter).all() for parameter in method.parameters())
        assert not np.array_equal(embed(method, batch), embed(fresh, batch))

    def test_training_is_reproducible(self, tiny_store: CellStore, batch: CellBatch):
        first, second = (embed(self.trained(tiny_store, steps=2), batch) for _ in range(2))
        assert np.array_equal(first, second)

    def test_saved_weights_embed_the_same(self, tiny_store: CellStore, batch: CellBatch, tmp_path: Path):
        method = self.trained(tiny_store, steps=2)
        save_weights(method, tmp_path / "weights.safetensors")
        loaded = make(self.name, tiny_store, 1)
        load_weights(loaded, tmp_path / "weights.safetensors")
        # to rounding: in training the weights may lie in another order in memory
        np.testing.assert_allclose(embed(loaded, batch), embed(method, batch), rtol=1e-3, atol=1e-5)

    @pytest.mark.parametrize("variant", ["small", "cytogan", "gpu"])
    def test_every_recipe_makes_the_method(self, variant: str):
        entry = registry.method(self.name)
        recipes = read_recipes(entry.recipe_file)
        if variant == "cytogan" and variant not in recipes:
            pytest.skip(f"CytoGAN has no {self.name}")
        size = recipes[variant].input.crop_size or 64
        method = entry.load_class()(recipes[variant], ("DNA", "Tubulin", "Actin"), size, 0)
        assert isinstance(method, TrainableMethod)
        assert set(method.optimizers()) == set(recipes[variant].optimizer) != set()

    @pytest.mark.parametrize("size", [32, 40, 48])
    def test_other_crop_sizes(self, tiny_store: CellStore, size: int):
        method = make(self.name, tiny_store, 0, f"input.crop_size={size}")
        batch = BatchReader(tiny_store, method.recipe.input).read(np.arange(2))
        assert batch.images.shape[-1] == size
        assert len(embed(method, batch)) == 2

    def trained(self, store: CellStore, steps: int) -> TrainableMethod:
        method = make(self.name, store, 0, f"training.steps={steps}", "training.batch_size=8")
        assert isinstance(method, TrainableMethod)
        reader = BatchReader(store, method.recipe.input)
        trainer = Trainer(method, seed=0, folder=None)
        batches = (reader.read(np.arange(8) + 8 * step) for step in range(steps))
        assert trainer.fit(lambda step: batches, progress=False).cells == 8 * steps
        return trainer.evaluated


class GenerativeCase(TrainableCase):
    """Every method that synthesises cells."""

    def test_generate_gives_images_in_0_1(self, method: Method):
        assert isinstance(method, GenerativeMethod)
        with torch.inference_mode():
            images = method.generate(method.noise(4))
        assert images.shape == (4, 3, 64, 64)
        assert images.min() >= 0 and images.max() <= 1

    def test_noise_is_random(self, method: Method):
        assert isinstance(method, GenerativeMethod)
        assert not torch.equal(method.noise(2), method.noise(2))


class InvertibleCase(TrainableCase):
    """Every method that encodes and decodes."""

    def test_encode_then_decode_gives_images_in_0_1(self, method: Method, batch: CellBatch):
        assert isinstance(method, InvertibleMethod)
        with torch.inference_mode():
            images = method.decode(method.encode(batch))
        assert images.shape == batch.images.shape
        assert images.min() >= 0 and images.max() <= 1


class AdversarialCase(GenerativeCase):
    """Every method that tells real cells from its own."""

    def test_judges_each_image_by_itself(self, method: Method, batch: CellBatch):
        assert isinstance(method, AdversarialMethod)
        with torch.inference_mode():
            judged = method.judge(batch.images)
            again = method.judge(batch.images[[5, 2]])
        assert judged.shape == (16,) and torch.isfinite(judged).all()
        torch.testing.assert_close(again, judged[[5, 2]], rtol=1e-4, atol=1e-5)


class ConditionalCase(AdversarialCase):
    """Every method that may be told the treatment in training."""

    CONDITIONS = ("log10 concentration", "compound a", "compound b")

    @pytest.fixture
    def conditional(self) -> TrainableMethod:
        recipe = recipe_of(self.name, "condition=treatment")
        made = registry.method(self.name).load_class()(recipe, ("DNA", "Tubulin", "Actin"), 64, 0, self.CONDITIONS)
        assert isinstance(made, TrainableMethod)
        return made

    def test_its_embedding_needs_no_condition(self, conditional: TrainableMethod, batch: CellBatch):
        assert batch.condition is None
        vectors = embed(conditional.eval(), batch)
        assert np.isfinite(vectors).all() and len(np.unique(vectors, axis=0)) == 16

    def test_its_embedding_does_not_see_the_condition(self, conditional: TrainableMethod, batch: CellBatch):
        told = replace(batch, condition=torch.rand(16, 3))
        assert np.array_equal(embed(conditional.eval(), told), embed(conditional.eval(), batch))

    def test_the_condition_reaches_generation_and_judgement(self, conditional: TrainableMethod, batch: CellBatch):
        assert isinstance(conditional, AdversarialMethod)
        conditional.eval()
        z, first, second = conditional.noise(4), torch.zeros(4, 3), torch.ones(4, 3)
        with torch.inference_mode():
            assert not torch.allclose(conditional.generate(z, first), conditional.generate(z, second))
            assert not torch.allclose(conditional.judge(batch.images[:4], first), conditional.judge(batch.images[:4], second))

    def test_generation_asks_for_its_condition(self, conditional: TrainableMethod):
        assert isinstance(conditional, AdversarialMethod)
        with pytest.raises(CytoBenchError, match=r"needs a condition \(n, 3\)"):
            conditional.generate(conditional.noise(2))

    def test_a_step_is_told_the_condition(self, conditional: TrainableMethod, batch: CellBatch):
        losses = []
        for value in (0.0, 1.0):
            torch.manual_seed(0)
            losses.append(recorded_losses(conditional, replace(batch, condition=torch.full((16, 3), value))))
        assert losses[0] != losses[1]
