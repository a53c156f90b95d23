"""LSGAN's training as one would write it by hand, for what the trainer costs over it; both reach the same losses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor


def train(method: Any, batches: Iterator[Tensor]) -> Iterator[dict[str, float]]:
    """Train the two networks of an LSGAN without end and yield the losses of each step.

    Args:
        method: an LSGAN, for its networks and the numbers of its recipe.
        batches: images (B, C, H, W) in [0, 1].
    """
    options, recipe = method.options, method.recipe
    generator, discriminator = method.generator.train(), method.discriminator.train()
    g_parameters, d_parameters = list(generator.parameters()), list(discriminator.parameters())
    g_spec, d_spec = recipe.optimizer["generator"], recipe.optimizer["discriminator"]
    g_optimizer = torch.optim.Adam(g_parameters, lr=g_spec.lr, betas=g_spec.betas)
    d_optimizer = torch.optim.Adam(d_parameters, lr=d_spec.lr, betas=d_spec.betas)

    def judge(images: Tensor) -> Tensor:
        judged: Tensor = discriminator(images + options.input_noise * torch.randn(images.shape))
        return judged

    for cells in batches:
        turns, flip = int(torch.randint(4, ())), bool(torch.randint(2, ()))
        images = torch.rot90(cells, turns, dims=(2, 3))
        images = (images.flip(3) if flip else images).contiguous(memory_format=torch.channels_last)
        real, fake = 2 * images - 1, generator(torch.randn(len(images), options.noise))
        labels = torch.empty(len(real), 1).uniform_(*options.real_labels)

        d_optimizer.zero_grad()
        d_loss = (judge(real) - labels).square().mean() + judge(fake.detach()).square().mean()
        d_loss.backward(inputs=d_parameters)
        d_optimizer.step()

        g_optimizer.zero_grad()
        g_loss = (judge(fake) - 1).square().mean()
        g_loss.backward(inputs=g_parameters)
        g_optimizer.step()
        yield {"discriminator": float(d_loss.detach()), "generator": float(g_loss.detach())}
