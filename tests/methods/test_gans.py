"""GANs against the contract, and the losses of their papers."""

import numpy as np
import pytest
import torch
from cases import ConditionalCase, embed, recorded_losses


class TestLSGAN(ConditionalCase):
    name = "lsgan"

    def test_embeds_by_the_penultimate_layer(self, method, batch):
        with torch.inference_mode():
            judged = method.judge(batch.images)
            from_embedding = method.discriminator.head(torch.from_numpy(embed(method, batch)))[:, 0]
        np.testing.assert_allclose(judged, from_embedding, rtol=1e-5, atol=1e-6)

    def test_losses_are_those_of_the_paper(self, method, batch):
        """Mao et al. 2017, equation 2, with labels 0 and 1 and a discriminator that says 0.5 of everything."""
        method.noisy_judgement = lambda images, condition: torch.full((len(images), 1), 0.5)
        method.options = method.options.model_copy(update={"real_labels": (1.0, 1.0)})
        assert recorded_losses(method, batch) == pytest.approx({"discriminator": 0.5**2 + 0.5**2, "generator": 0.5**2})
