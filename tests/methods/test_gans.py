"""GANs against the contract, and the losses of their papers."""

from math import exp, log, pi

import numpy as np
import pytest
import torch
from cases import AdversarialCase, ConditionalCase, embed, recipe_of, recorded_losses
from torch import Tensor, nn

from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, TrainableMethod
from cytobench.training.recipe import read_recipes

CHANNELS = ("DNA", "Tubulin", "Actin")
LOGITS = torch.tensor([[0.3], [-1.2], [2.0]])


def gan(name: str, *overrides: str, size: int = 64) -> TrainableMethod:
    made = registry.method(name).load_class()(recipe_of(name, *overrides), CHANNELS, size, 0)
    assert isinstance(made, TrainableMethod)
    return made


def judging(method: TrainableMethod, *judgements: Tensor) -> TrainableMethod:
    """The method with a discriminator that says these things in turn, whatever it is shown."""
    said = iter(judgements)
    method.noisy_judgement = lambda images, condition: next(said)
    return method


def sigmoid(logit: float) -> float:
    return 1 / (1 + exp(-logit))


class Critic(nn.Module):
    """D(x) = slope . x, whose gradient is ``slope`` everywhere."""

    def __init__(self, slope: Tensor):
        super().__init__()
        self.slope = nn.Parameter(slope)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return images.flatten(1) @ self.slope[:, None]


class GANCase(AdversarialCase):
    """What the convolutional GANs share."""

    def test_embeds_by_the_penultimate_layer(self, method, batch):
        with torch.inference_mode():
            judged = method.judge(batch.images)
            from_embedding = method.discriminator.head(torch.from_numpy(embed(method, batch)))[:, 0]
        np.testing.assert_allclose(judged, from_embedding, rtol=1e-5, atol=1e-6)

    def test_each_loss_reaches_its_own_network(self, batch):
        method = gan(self.name)
        moved = {}

        def update(name, loss):
            gradients = torch.autograd.grad(loss, list(method.parameters_of(name)), allow_unused=True)
            moved[name] = [gradient is not None and bool(gradient.any()) for gradient in gradients]

        method.training_step(batch, update)
        assert list(moved) == ["discriminator", "generator"]
        assert sum(moved["discriminator"]) >= len(moved["discriminator"]) - 1  # WGAN's last bias cancels out
        assert all(moved["generator"])

    def test_the_published_networks(self):
        """CytoGAN: 96 px, 32 to 256 channels, 12 x 12 x 256 maps, a representation of 100."""
        entry = registry.method(self.name)
        made = entry.load_class()(read_recipes(entry.recipe_file)["cytogan"], CHANNELS, 96, 0)
        widths = [layer.out_channels for layer in made.discriminator.features.modules() if isinstance(layer, nn.Conv2d)]
        strides = [layer.stride[0] for layer in made.discriminator.features.modules() if isinstance(layer, nn.Conv2d)]
        grown = [layer.out_channels for layer in made.generator.modules() if isinstance(layer, nn.Conv2d)]
        dense = made.discriminator.features[-1]
        assert (widths, strides, grown) == ([32, 64, 128, 256], [1, 2, 2, 2], [128, 64, 32, 3])
        assert (dense.in_features, dense.out_features) == (12 * 12 * 256, 100)


class TestLSGAN(GANCase, ConditionalCase):
    name = "lsgan"

    def test_losses_are_those_of_the_paper(self, batch):
        """Mao et al. 2017, equation 2, with labels 0 and 1 and a discriminator that says 0.5 of everything."""
        method = judging(gan("lsgan", "real_labels=[1, 1]"), *3 * [torch.full((16, 1), 0.5)])
        assert recorded_losses(method, batch) == pytest.approx({"discriminator": 0.5**2 + 0.5**2, "generator": 0.5**2})


class TestDCGAN(GANCase, ConditionalCase):
    name = "dcgan"

    def test_discriminator_loss_is_that_of_the_paper(self):
        """Goodfellow et al. 2014, equation 1, on three cells, with a real label of 0.9."""
        method, images = judging(gan("dcgan", "real_labels=[0.9, 0.9]"), LOGITS, -LOGITS), torch.zeros(3, 3, 64, 64)
        real = [-0.9 * log(sigmoid(one)) - 0.1 * log(1 - sigmoid(one)) for one in LOGITS[:, 0].tolist()]
        fake = [-log(1 - sigmoid(-one)) for one in LOGITS[:, 0].tolist()]
        expected = sum(real) / 3 + sum(fake) / 3
        assert float(method.discriminator_loss(images, images, None)) == pytest.approx(expected, rel=1e-5)

    def test_generator_loss_does_not_saturate(self):
        """-log D(G(z)), not log(1 - D(G(z))): where the discriminator is sure, its slope is -1, not 0."""
        logit = torch.full((3, 1), -20.0, requires_grad=True)
        loss = judging(gan("dcgan"), logit).generator_loss(torch.zeros(3, 3, 64, 64), None)
        loss.backward()
        assert float(loss.detach()) == pytest.approx(-log(sigmoid(-20.0)), rel=1e-5)
        assert float(logit.grad.sum()) == pytest.approx(-1, rel=1e-5)

    def test_only_labels_of_real_cells_are_smoothed(self):
        """Drawn from U(0.8, 1), one for each cell."""
        labels = gan("dcgan").smoothed_labels(torch.zeros(4000, 1))
        assert labels.shape == (4000, 1) and labels.min() >= 0.8 and labels.max() <= 1
        assert float(labels.mean()) == pytest.approx(0.9, abs=0.005)
        assert float(labels.std()) == pytest.approx(0.2 / 12**0.5, rel=0.05)

    def test_labels_lie_between_0_and_1(self):
        with pytest.raises(CytoBenchError, match=r"real_labels"):
            gan("dcgan", "real_labels=[0.8, 1.2]")


class TestWGAN(GANCase, ConditionalCase):
    name = "wgan"

    @staticmethod
    def loss(slope: Tensor, *overrides: str) -> float:
        """The critic's loss on real cells that are all 1 and generated ones that are all 0."""
        method = gan("wgan", "input_noise=0", *overrides)
        method.discriminator = Critic(slope)
        return float(method.discriminator_loss(torch.ones(5, 3, 8, 8), torch.zeros(5, 3, 8, 8), None).detach())

    def test_no_penalty_for_a_gradient_of_norm_1(self):
        slope = torch.full((192,), 192**-0.5)
        assert self.loss(slope) == pytest.approx(-(192**0.5), rel=1e-5)  # D(G(z)) - D(x) alone

    def test_penalty_of_a_constant_critic_is_10(self):
        assert self.loss(torch.zeros(192)) == pytest.approx(10)

    def test_penalty_is_that_of_the_paper(self):
        """Gulrajani et al. 2017, equation 3: lambda (norm - 1)^2, with a gradient of norm 3."""
        slope = torch.full((192,), 3 * 192**-0.5)
        assert self.loss(slope, "penalty=7") == pytest.approx(-3 * 192**0.5 + 7 * (3 - 1) ** 2, rel=1e-4)

    def test_gradients_are_taken_between_each_cell_and_a_fake(self):
        """A critic D(x) = sum(x^2) / 2 has the gradient x, so the norms say where it was taken."""
        method, real = gan("wgan", "input_noise=0"), torch.zeros(400, 1, 1, 1)
        method.discriminator = nn.Module()
        method.discriminator.forward = lambda images, condition: images.square().flatten(1).sum(dim=1, keepdim=True) / 2
        norms = method.gradient_norms(real, real + 4, None).detach()
        assert norms.shape == (400,) and norms.min() >= 0 and norms.max() <= 4
        assert len(norms.unique()) > 390 and float(norms.mean()) == pytest.approx(2, abs=0.25)

    def test_the_penalty_moves_the_critic(self):
        method = gan("wgan", "input_noise=0")
        method.discriminator = critic = Critic(torch.full((192,), 2 * 192**-0.5))
        same = torch.ones(5, 3, 8, 8)
        method.discriminator_loss(same, same, None).backward()
        # d/ds 10 (|s| - 1)^2 = 20 (|s| - 1) s / |s|, with |s| = 2
        torch.testing.assert_close(critic.slope.grad, torch.full((192,), 20 * 192**-0.5), rtol=1e-4, atol=1e-5)

    def test_the_generator_raises_the_score(self):
        method = judging(gan("wgan"), LOGITS)
        assert float(method.generator_loss(torch.zeros(3, 3, 64, 64), None)) == pytest.approx(-1.1 / 3, rel=1e-5)

    def test_a_compiled_critic_gives_the_same_loss(self, batch):
        """torch.compile cannot differentiate a gradient: the penalty goes past it."""
        losses, gradients = [], []
        for compiled in (False, True):
            method = gan("wgan", "widths=[2, 2]", "latent=4")
            if compiled:
                method.discriminator.compile(backend="aot_eager")
            torch.manual_seed(0)
            real = 2 * batch.images[:4] - 1
            loss = method.discriminator_loss(real, real.flip(0), None)
            loss.backward()
            losses.append(float(loss.detach()))
            gradients.append(method.discriminator.features[-1].weight.grad)
        assert losses[1] == pytest.approx(losses[0], rel=1e-4)
        torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-5)

    def test_reports_distance_and_norm(self, batch):
        method = gan("wgan", "input_noise=0")
        loss = recorded_losses(method, batch)["discriminator"]
        distance, norm = float(method.reports["wasserstein_distance"]), float(method.reports["gradient_norm"])
        assert 0 < norm < 1 and loss == pytest.approx(10 * (norm - 1) ** 2 - distance, abs=0.05)


class TestInfoGAN(GANCase):
    name = "infogan"

    def test_codes_are_uniform_and_follow_the_noise(self):
        z = gan("infogan").noise(4000)
        codes = z[:, 100:]
        assert codes.shape == (4000, 2) and codes.abs().max() <= 1 and z[:, :100].abs().max() > 3
        assert float(codes.std()) == pytest.approx(3**-0.5, rel=0.05)

    def test_codes_reach_the_image(self, method):
        """With the noise held, another code is another image."""
        z = method.noise(1).repeat(3, 1)
        z[1, -1] += 1
        z[2, -2] += 1
        with torch.inference_mode():
            first, last_code, first_code = method.generate(z)
        assert not torch.allclose(first, last_code) and not torch.allclose(first, first_code)

    def test_information_loss_is_that_of_the_paper(self):
        """-log N(c; mean, deviation), summed over codes and averaged over cells (Chen et al. 2016, equation 5)."""
        judged = torch.tensor([[9.0, 0.1, -0.4, 0.0, log(2.0)], [9.0, 0.5, 0.2, log(0.5), log(0.1)]])
        codes = torch.tensor([[0.3, 0.6], [0.4, 0.25]])
        cases = [(0.3, 0.1, 1.0), (0.6, -0.4, 2.0), (0.4, 0.5, 0.5), (0.25, 0.2, 0.1)]
        densities = [exp(-((c - mean) ** 2) / (2 * s**2)) / (s * (2 * pi) ** 0.5) for c, mean, s in cases]
        expected = -sum(map(log, densities)) / 2
        assert float(gan("infogan").information_loss(judged, codes)) == pytest.approx(expected, rel=1e-5)
        assert float(gan("infogan", "information=3").information_loss(judged, codes)) == pytest.approx(3 * expected, rel=1e-5)

    def test_both_networks_minimise_it(self):
        """DCGAN's losses and lambda times Q's, for D and for G (equation 6)."""
        images, codes = torch.zeros(3, 3, 64, 64), torch.zeros(3, 2)
        judged = torch.cat([LOGITS, torch.zeros(3, 4)], dim=1)  # Q says N(0, 1) of codes that are 0
        told = log(2 * pi)  # -2 log N(0; 0, 1)
        method = judging(gan("infogan", "real_labels=[1, 1]"), judged, judged, judged)
        real = sum(-log(sigmoid(one)) for one in LOGITS[:, 0].tolist()) / 3
        fake = sum(-log(1 - sigmoid(one)) for one in LOGITS[:, 0].tolist()) / 3
        assert float(method.discriminator_loss(images, images, codes)) == pytest.approx(real + fake + told, rel=1e-5)
        assert float(method.generator_loss(images, codes)) == pytest.approx(real + told, rel=1e-5)

    def test_q_learns_codes_that_the_image_shows(self):
        """Cells whose brightness is the codes: Q beats what can be said without looking, log 2 for each U(-1, 1)."""
        method = gan("infogan", "input_noise=0", "widths=[4, 8]", "latent=8", size=16)
        optimizer = torch.optim.Adam(method.discriminator.parameters(), lr=2e-3)
        torch.manual_seed(0)
        losses = []
        for _ in range(200):
            codes = 2 * torch.rand(64, 2) - 1
            images = torch.cat([codes, codes[:, :1]], dim=1)[:, :, None, None].expand(-1, -1, 16, 16)
            loss = method.information_loss(method.noisy_judgement(images, None), codes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        assert losses[0] > 2 * log(2) > 0 > np.mean(losses[-20:])

    def test_is_told_nothing_of_treatments(self, batch):
        """What a batch says of treatments changes nothing: the card is not conditional."""
        assert not registry.method("infogan").card.conditional
        losses = []
        for condition in (None, torch.ones(16, 3)):
            torch.manual_seed(0)
            losses.append(recorded_losses(gan("infogan"), CellBatch(batch.images, None, CHANNELS, condition)))
        assert losses[0] == losses[1]
