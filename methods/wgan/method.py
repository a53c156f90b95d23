"""WGAN with gradient penalty (Gulrajani et al. 2017) as CytoGAN uses it (Goldsborough et al. 2017), one critic step a step."""

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from cytobench.training.adversarial import ConvolutionalGAN
from cytobench.training.processes import uniform


class WGAN(ConvolutionalGAN):
    """Generator and critic; the critic's penultimate layer is the cell, and its judgement is a score without bounds."""

    class Options(ConvolutionalGAN.Options):
        """Sizes, noise and penalty."""

        penalty: NonNegativeFloat = 10.0
        """Lambda of the gradient penalty (Gulrajani et al. 2017, algorithm 1)."""

    def discriminator_loss(self, real: Tensor, fake: Tensor, condition: Tensor | None) -> Tensor:
        """D(G(z)) - D(x) and the gradient penalty (their equation 3)."""
        distance = self.noisy_judgement(real, condition).mean() - self.noisy_judgement(fake, condition).mean()
        norms = self.gradient_norms(real, fake, condition)
        self.reports["wasserstein_distance"], self.reports["gradient_norm"] = distance.detach(), norms.mean().detach()
        return self.options.penalty * (norms - 1).square().mean() - distance

    def generator_loss(self, fake: Tensor, condition: Tensor | None) -> Tensor:
        """-D(G(z))."""
        return -self.noisy_judgement(fake, condition).mean()

    def gradient_norms(self, real: Tensor, fake: Tensor, condition: Tensor | None) -> Tensor:
        """Return (B,): the norm of the critic's gradient at a random point between each real cell and a generated one."""
        share = uniform((len(real), 1, 1, 1), real.device)
        between = (share * real + (1 - share) * fake).requires_grad_()
        # forward() by name goes past torch.compile, which cannot differentiate a gradient
        judged = self.discriminator.forward(self.noisy(between), condition)
        (gradients,) = torch.autograd.grad(judged.sum(), between, create_graph=True)  # of each cell alone: no batch norm here
        return gradients.flatten(1).norm(dim=1)
