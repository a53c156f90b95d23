"""Autoencoders against the contract, and the losses of their papers."""

import numpy as np
import pytest
import torch
from cases import GenerativeCase, InvertibleCase, recorded_losses
from torch import nn
from torch.distributions import Normal, kl_divergence

from cytobench import registry
from cytobench.training.recipe import read_recipes
from cytobench_methods.vae.method import divergence

CHANNELS = ("DNA", "Tubulin", "Actin")


class AutoencoderCase(InvertibleCase):
    """Every autoencoder here has one network, and describes a cell by its code."""

    def test_embeds_by_the_code(self, method, batch):
        with torch.inference_mode():
            assert torch.equal(method.embed(batch), method.encode(batch))

    def test_learns_to_reconstruct(self, method, batch):
        """Better than the mean image of the cells that it was trained on, which needs no code."""
        images = batch.images
        network = method.optimizers()["autoencoder"]

        def update(name, loss):
            assert name == "autoencoder"
            network.zero_grad()
            loss.backward()
            network.step()

        torch.manual_seed(0)
        method.train()
        for _ in range(120):
            method.training_step(batch, update)
        method.eval()
        with torch.inference_mode():
            error = float((method.decode(method.encode(batch)) - images).square().mean())
        assert error < 0.8 * float((images.mean(0) - images).square().mean())

    def published(self):
        entry = registry.method(self.name)
        return entry.load_class()(read_recipes(entry.recipe_file)["cytogan"], CHANNELS, 96, 0)


class SquaredErrorCase(AutoencoderCase):
    """Those that minimise the squared error."""

    def test_loss_is_the_squared_error_of_a_cell(self, method, batch):
        method.autoencoder.forward = lambda images: torch.full_like(images, 0.5)
        expected = ((np.asarray(batch.images, dtype=np.float64) - 0.5) ** 2).sum(axis=(1, 2, 3)).mean()
        assert recorded_losses(method, batch) == pytest.approx({"autoencoder": expected}, rel=1e-5)

    def test_the_loss_is_of_what_encode_and_decode_give(self, method, batch):
        with torch.inference_mode():
            rebuilt = method.decode(method.encode(batch))
            expected = float((rebuilt - batch.images).square().sum()) / len(batch)
        assert recorded_losses(method, batch) == pytest.approx({"autoencoder": expected}, rel=1e-5)

    def test_no_code_is_dead_after_training(self, tiny_store, batch):
        codes = np.asarray(self.trained(tiny_store, 8).embed(batch).detach())
        assert codes.shape[1] == 32 and (codes.std(axis=0) > 1e-6).all()


class TestAE(SquaredErrorCase):
    name = "ae"

    def test_layout_is_the_published_one(self):
        layers = [(layer.in_features, layer.out_features) for layer in self.published().modules() if isinstance(layer, nn.Linear)]
        assert layers == [(3 * 96 * 96, 32), (32, 3 * 96 * 96)]


class TestConvAE(SquaredErrorCase):
    name = "conv-ae"

    def test_layout_is_the_published_one(self):
        encoder, decoder = self.published().autoencoder
        assert [layer.out_channels for layer in encoder if isinstance(layer, nn.Conv2d)] == [8, 8]
        assert [layer.out_channels for layer in decoder if isinstance(layer, nn.Conv2d)] == [8, 3]
        dense = [(half.in_features, half.out_features) for half in (*encoder, *decoder) if isinstance(half, nn.Linear)]
        assert dense == [(8 * 24 * 24, 32), (32, 8 * 24 * 24)]


class TestVAE(GenerativeCase, AutoencoderCase):
    name = "vae"

    def test_divergence_is_that_of_normal_distributions(self):
        mean, log_variance = torch.randn(5, 7), torch.randn(5, 7)
        expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum()
        torch.testing.assert_close(divergence(mean, log_variance), expected)

    def test_divergence_of_the_prior_from_itself_is_zero(self, method, batch):
        """With a standard normal posterior only the reconstruction is left."""
        zero = torch.zeros(len(batch), method.options.latent)
        method.autoencoder.posterior = lambda images: (zero, zero)
        torch.manual_seed(0)
        losses = recorded_losses(method, batch)
        torch.manual_seed(0)
        images = method.decode(torch.randn_like(zero))
        expected = torch.nn.functional.binary_cross_entropy(images, batch.images, reduction="sum") / len(batch)
        assert losses["autoencoder"] == pytest.approx(float(expected.detach()), rel=1e-4)

    def test_codes_are_drawn_from_the_posterior(self, method, batch):
        """Kingma and Welling 2014, section 2.4: z = mu + sigma epsilon."""
        method.autoencoder.decoder = nn.Identity()
        noise = torch.randn(len(batch), method.options.latent)
        z, mean, log_variance = method.autoencoder(batch.images, noise)
        torch.testing.assert_close(z, mean + torch.sqrt(torch.exp(log_variance)) * noise)

    def test_generates_by_decoding(self, method):
        z = method.noise(3)
        with torch.inference_mode():
            assert torch.equal(method.generate(z), method.decode(z))

    def test_filters_are_the_published_ones(self):
        encoder = self.published().autoencoder.encoder
        assert [layer.out_channels for layer in encoder.modules() if isinstance(layer, nn.Conv2d)] == [128, 64, 32]
        assert encoder[-1].out_features == 2 * 256
