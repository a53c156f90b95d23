"""LSGAN (Mao et al. 2017) as CytoGAN uses it (Goldsborough et al. 2017): the discriminator's penultimate layer is the cell."""

from torch import Tensor

from cytobench.training.adversarial import SmoothedGAN


class LSGAN(SmoothedGAN):
    """Generator and discriminator with least squares losses."""

    def discriminator_loss(self, real: Tensor, fake: Tensor, condition: Tensor | None) -> Tensor:
        """Squared distance of real cells from their smoothed labels, and of generated cells from 0 (their equation 2)."""
        labels = self.smoothed_labels(real)
        judged, judged_fake = self.noisy_judgement(real, condition), self.noisy_judgement(fake, condition)
        return (judged - labels).square().mean() + judged_fake.square().mean()

    def generator_loss(self, fake: Tensor, condition: Tensor | None) -> Tensor:
        """Squared distance of generated cells from 1."""
        return (self.noisy_judgement(fake, condition) - 1).square().mean()
