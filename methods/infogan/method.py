"""InfoGAN (Chen et al. 2016) as CytoGAN uses it (Goldsborough et al. 2017): DCGAN and two codes that an image must tell of."""

import math

import torch
from pydantic import NonNegativeFloat
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from cytobench.method import CellBatch, Update
from cytobench.training.adversarial import SmoothedGAN
from cytobench.training.processes import uniform

CODES = 2
"""Continuous codes, U(-1, 1) (Chen et al. 2016, on MNIST; CytoGAN)."""


class InfoGAN(SmoothedGAN):
    """Generator and discriminator; the network Q is one dense layer on what the discriminator describes a cell by.

    The discriminator's outputs are its judgement, a logit, and of each code Q's mean and the logarithm of its standard deviation.
    """

    class Options(SmoothedGAN.Options):
        """Sizes, noise, label smoothing and the weight of the codes."""

        information: NonNegativeFloat = 1.0
        """Lambda: the weight of the mutual information of codes and image (their equation 6)."""

    codes = CODES
    judgements = 1 + 2 * CODES

    def noise(self, n: int) -> Tensor:
        """Return (n, noise + codes): incompressible noise, then the codes."""
        noise = super().noise(n)
        return torch.cat([noise, uniform((n, CODES), noise.device, -1, 1)], dim=1)

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """One step of D with Q and one of G; both maximise what an image tells of its codes."""
        real, z = 2 * batch.images - 1, self.noise(len(batch))
        fake, codes = self.generator(z), z[:, -CODES:]
        update("discriminator", self.discriminator_loss(real, fake.detach(), codes))
        update("generator", self.generator_loss(fake, codes))

    def discriminator_loss(self, real: Tensor, fake: Tensor, condition: Tensor | None) -> Tensor:
        """DCGAN's, and Q's; ``condition``: the codes of ``fake``."""
        labels = self.smoothed_labels(real)
        judged, judged_fake = self.noisy_judgement(real, None), self.noisy_judgement(fake, None)
        adversarial = cross_entropy(judged[:, :1], labels) + cross_entropy(judged_fake[:, :1], torch.zeros_like(labels))
        return adversarial + self.information_loss(judged_fake, condition)

    def generator_loss(self, fake: Tensor, condition: Tensor | None) -> Tensor:
        """DCGAN's, and Q's; ``condition``: the codes of ``fake``."""
        judged_fake = self.noisy_judgement(fake, None)
        adversarial = cross_entropy(judged_fake[:, :1], torch.ones_like(judged_fake[:, :1]))
        return adversarial + self.information_loss(judged_fake, condition)

    def information_loss(self, judged: Tensor, codes: Tensor | None) -> Tensor:
        """-lambda log Q(c|x): codes normally distributed, mean and standard deviation Q's (their appendix C.1).

        The standard deviation is the exponential of an output, as in the paper; the authors' code for MNIST has it fixed at 1.
        It is their lower bound of the mutual information (equation 5) but for the entropy of the codes, a constant.
        """
        assert codes is not None  # training_step gives them
        mean, log_deviation = judged[:, 1:].float().chunk(2, dim=1)
        log_likelihood = -((codes - mean) / log_deviation.exp()).square() / 2 - log_deviation - math.log(2 * math.pi) / 2
        loss = -log_likelihood.sum(dim=1).mean()
        self.reports["code_log_likelihood"] = -loss.detach()
        return self.options.information * loss
