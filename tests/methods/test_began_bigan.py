"""BEGAN and BiGAN against the contract, and the equations of their papers."""

import math

import pytest
import torch
from cases import AdversarialCase, ConditionalCase, InvertibleCase, make, recipe_of, recorded_losses
from torch import nn
from torch.nn.functional import softplus

from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.training import processes
from cytobench.training.checkpoint import load_weights, save_weights
from cytobench.training.recipe import read_recipes
from cytobench_methods.bigan.networks import Dropout

CHANNELS = ("DNA", "Tubulin", "Actin")


def published(name):
    return registry.method(name).load_class()(read_recipes(registry.method(name).recipe_file)["cytogan"], CHANNELS, 96, 0)


def convolutions(network):
    return [(layer.out_channels, layer.stride[0]) for layer in network.modules() if isinstance(layer, nn.Conv2d)]


def ready(method, **options):
    """In training mode, with options changed."""
    method.options = method.options.model_copy(update=options)
    return method.train()


def reached_by(loss, method):
    """Networks with a parameter that the loss depends on."""
    networks = {name: list(method.parameters_of(name)) for name in method.recipe.optimizer}
    gradients = {name: torch.autograd.grad(loss, of, retain_graph=True, allow_unused=True) for name, of in networks.items()}
    return {name for name, parts in gradients.items() if any(part is not None for part in parts)}


class TestBEGAN(ConditionalCase, InvertibleCase):
    name = "began"

    @pytest.fixture
    def halving(self, method):
        """A discriminator that reconstructs half of every image, and a generator that always makes 0.4."""
        method.discriminator.forward = lambda images, condition=None: images / 2
        method.generator.forward = lambda z, condition=None: torch.full((len(z), 3, 64, 64), 0.4)
        method.k.fill_(0.5)
        return ready(method, input_noise=0.0)

    def test_losses_are_those_of_the_paper(self, halving, batch):
        """Berthelot et al. 2017, section 3.4: L(x) - k L(G(z)) and L(G(z)), where L(v) = |v - D(v)|."""
        real = float((2 * batch.images - 1).abs().mean()) / 2
        assert recorded_losses(halving, batch) == pytest.approx({"discriminator": real - 0.5 * 0.2, "generator": 0.2})

    def test_k_follows_the_balance_and_is_reported_with_the_convergence_measure(self, halving, batch):
        """k + lambda (gamma L(x) - L(G(z))), and M = L(x) + |gamma L(x) - L(G(z))|."""
        recorded_losses(halving, batch)
        real = float((2 * batch.images - 1).abs().mean()) / 2
        assert float(halving.k) == pytest.approx(0.5 + 1e-3 * (0.75 * real - 0.2), rel=1e-6)
        assert float(halving.reports["k"]) == float(halving.k)
        assert float(halving.reports["convergence"]) == pytest.approx(real + abs(0.75 * real - 0.2))

    @pytest.mark.parametrize(("real", "fake", "end"), [(1e4, 0.0, 1.0), (0.0, 1e4, 1e-8)])
    def test_k_stays_in_its_range(self, method, real, fake, end):
        method.balance(torch.tensor(real), torch.tensor(fake))
        assert float(method.k) == pytest.approx(end)

    def test_k_is_balanced_over_all_processes(self, halving, batch, monkeypatch):
        averages = iter([torch.tensor(0.8), torch.tensor(0.1)])
        monkeypatch.setattr(processes, "mean", lambda value: next(averages))
        recorded_losses(halving, batch)
        assert float(halving.k) == pytest.approx(0.5 + 1e-3 * (0.75 * 0.8 - 0.1), rel=1e-6)

    def test_k_is_saved(self, method, tiny_store, tmp_path):
        method.k.fill_(0.25)
        save_weights(method, tmp_path / "weights.safetensors")
        loaded = make(self.name, tiny_store)
        load_weights(loaded, tmp_path / "weights.safetensors")
        assert (float(loaded.k), float(make(self.name, tiny_store).k)) == (0.25, pytest.approx(1e-8))

    def test_noise_on_the_input_is_an_error_to_be_taken_away(self, method):
        """An autoencoder that changes nothing leaves the noise: E|N(0, 0.1)| = 0.1 sqrt(2 / pi)."""
        method.discriminator.forward = lambda images, condition=None: images
        error = ready(method, input_noise=0.1).error(torch.rand(16, 3, 64, 64), None)
        assert float(error.detach()) == pytest.approx(0.1 * math.sqrt(2 / math.pi), rel=0.02)

    def test_the_discriminators_loss_reaches_no_other_network(self, method, batch):
        reached = {}

        def update(name, loss):
            reached[name] = reached_by(loss, method)

        method.train().training_step(batch, update)
        assert reached == {"discriminator": {"discriminator"}, "generator": {"discriminator", "generator"}}

    def test_judges_by_the_reconstruction(self, method, batch):
        with torch.inference_mode():
            rebuilt = method.discriminator(2 * batch.images - 1)
            expected = [-float((2 * image - 1 - other).abs().mean()) for image, other in zip(batch.images, rebuilt, strict=True)]
            assert method.judge(batch.images).tolist() == pytest.approx(expected, rel=1e-5)

    def test_a_conditional_decoder_asks_for_its_condition(self, conditional):
        codes, condition = torch.zeros(2, 100), torch.rand(2, 3)
        with pytest.raises(CytoBenchError, match=r"needs a condition \(n, 3\)"):
            conditional.decode(codes)
        assert conditional.decode(codes, condition).shape == (2, 3, 64, 64)

    def test_the_condition_is_embedded_in_16_numbers_beside_each_code(self, conditional):
        first_layers = conditional.generator.body[0], conditional.discriminator.decoder[0]
        assert [layer.in_features for layer in first_layers] == [116, 116]

    def test_layout_is_the_published_one(self):
        made = published(self.name)
        encoder = [(width, stride) for width in (64, 128, 256, 384) for stride in (2, 1, 1)]
        decoder = [(128, 1)] * 8 + [(3, 1)]
        assert convolutions(made.discriminator.encoder) == encoder
        assert convolutions(made.discriminator.decoder) == convolutions(made.generator) == decoder
        assert made.discriminator.encoder[-1].out_features == 100
        assert not any(isinstance(layer, nn.BatchNorm2d) for layer in made.modules())


class TestBiGAN(AdversarialCase, InvertibleCase):
    name = "bigan"

    def test_losses_are_those_of_the_paper(self, method, batch):
        """Donahue et al. 2017, equation 2, and the inverse objective for G and E, with logits 2 of (x, E(x)) and -1 of (G(z), z).

        In softplus(a) = log(1 + exp(a)), -log D = softplus(-logit) and -log(1 - D) = softplus(logit).
        """
        method.generator.forward = lambda z: torch.zeros(len(z), 3, 64, 64)
        method.discriminator.forward = lambda images, code: torch.where(images.abs().amax((1, 2, 3)) > 0, 2.0, -1.0)[:, None]
        losses = recorded_losses(ready(method, real_labels=(1.0, 1.0), input_noise=0.0), batch)
        minus_two, minus_one, one, two = softplus(torch.tensor([-2.0, -1.0, 1.0, 2.0])).tolist()
        assert losses == pytest.approx({"discriminator": minus_two + minus_one, "generator": one, "encoder": two})

    def test_pairs_are_image_and_code_and_noise_and_its_image(self, method, batch):
        pairs = []
        judge = method.discriminator.forward
        method.discriminator.forward = lambda images, code: pairs.append((images, code)) or judge(images, code)
        ready(method, input_noise=0.0)
        recorded_losses(method, batch)
        (real, code), (fake, z), *later = pairs
        assert torch.equal(real, 2 * batch.images - 1)
        torch.testing.assert_close(code, method.encoder(real))
        torch.testing.assert_close(fake, method.generator(z))
        assert all(torch.equal(*pair) for pair in zip((fake, z, real, code), (*later[0], *later[1]), strict=True))
        assert -1 <= z.min() < -0.9 and 0.9 < z.max() <= 1

    def test_the_discriminators_loss_reaches_no_other_network(self, method, batch):
        reached = {}

        def update(name, loss):
            reached[name] = reached_by(loss, method)

        method.train().training_step(batch, update)
        assert reached == {
            "discriminator": {"discriminator"},
            "generator": {"discriminator", "generator"},
            "encoder": {"discriminator", "encoder"},
        }

    def test_codes_are_points_of_the_noise_space(self, method, batch):
        with torch.inference_mode():
            assert method.encode(batch).shape == method.noise(16).shape
            z = method.noise(3)
            assert torch.equal(method.decode(z), method.generate(z))

    def test_judges_with_its_own_code(self, method, batch):
        with torch.inference_mode():
            expected = method.discriminator(2 * batch.images - 1, method.encode(batch))[:, 0]
            torch.testing.assert_close(method.judge(batch.images), expected)

    def test_takes_no_condition(self, method):
        with pytest.raises(CytoBenchError, match="takes no condition"):
            method.generate(method.noise(2), torch.zeros(2, 1))

    def test_an_untrained_encoder_does_not_fade(self, method, batch):
        """Its batch norm has means of 0 and variances of 1, which change nothing; only the weights make the code smaller."""
        without = nn.Sequential(
            *(layer for layer in method.encoder[0] if not isinstance(layer, nn.BatchNorm2d)), *method.encoder[1:]
        )
        with torch.inference_mode():
            torch.testing.assert_close(method.encode(batch), without(2 * batch.images - 1), rtol=1e-3, atol=1e-4)

    def test_layout_is_the_published_one(self):
        made = published(self.name)
        maps = [(128, 1), (64, 2), (32, 2), (16, 2)]
        assert convolutions(made.encoder) == convolutions(made.discriminator) == maps
        assert convolutions(made.generator) == [(64, 1), (32, 1), (16, 1), (3, 1)]
        assert [type(layer).__name__ for layer in made.encoder[0]] == ["Conv2d", "BatchNorm2d", "LeakyReLU"] * 4
        assert [type(layer).__name__ for layer in made.discriminator.features[0]] == ["Conv2d", "LeakyReLU", "Dropout"] * 4
        widths = [layer.out_features for layer in made.discriminator.joint if isinstance(layer, nn.Linear)]
        assert widths == [1024, 1024, 256, 1]
        assert {layer.rate for layer in made.modules() if isinstance(layer, Dropout)} == {0.5}

    def test_recipes_drop_half(self):
        assert recipe_of(self.name).options["dropout"] == 0.5


class TestDropout:
    def test_drops_its_rate_and_keeps_the_mean(self):
        torch.manual_seed(0)
        dropped = Dropout(0.25).train()(torch.ones(1000, 100))
        assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
        assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.75])

    def test_drops_nothing_outside_training(self):
        values = torch.rand(4, 5)
        assert torch.equal(Dropout(0.5).eval()(values), values)

    def test_two_processes_drop_what_one_would(self, monkeypatch):
        layer, values = Dropout(0.5).train(), torch.rand(6, 50)
        torch.manual_seed(0)
        together = layer(values)
        monkeypatch.setattr(processes, "ranks", lambda: 2)
        shares = []
        for rank in range(2):
            monkeypatch.setattr(processes, "rank", lambda rank=rank: rank)
            torch.manual_seed(0)
            shares.append(layer(values[3 * rank : 3 * rank + 3]))
        assert torch.equal(torch.cat(shares), together)
