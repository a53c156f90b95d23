"""DCGAN (Radford et al. 2016) as CytoGAN uses it (Goldsborough et al. 2017): the layer before the judgement is the cell."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from cytobench.training.adversarial import SmoothedGAN


class DCGAN(SmoothedGAN):
    """Generator and discriminator with the losses of the first GAN (Goodfellow et al. 2014); a judgement is a logit."""

    def discriminator_loss(self, real: Tensor, fake: Tensor, condition: Tensor | None) -> Tensor:
        """-log D(x) - log(1 - D(G(z))), of real cells with their smoothed labels (Goodfellow et al. 2014, equation 1)."""
        labels = self.smoothed_labels(real)
        judged, judged_fake = self.noisy_judgement(real, condition), self.noisy_judgement(fake, condition)
        return cross_entropy(judged, labels) + cross_entropy(judged_fake, torch.zeros_like(judged_fake))

    def generator_loss(self, fake: Tensor, condition: Tensor | None) -> Tensor:
        """-log D(G(z)), which does not saturate where the discriminator is sure (their section 3)."""
        judged_fake = self.noisy_judgement(fake, condition)
        return cross_entropy(judged_fake, torch.ones_like(judged_fake))
