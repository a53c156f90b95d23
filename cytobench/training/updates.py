"""``update(name, loss)``: one step of one optimizer, whatever the arithmetic and the number of processes."""

from __future__ import annotations

from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from cytobench.errors import CytoBenchError
from cytobench.method import TrainableMethod
from cytobench.training.processes import mean, ranks


class Updates:
    """The optimizers of a method.

    Args:
        method: on the device it is trained on.
        fabric: whose precision and processes are used.
    """

    def __init__(self, method: TrainableMethod, fabric: Fabric):
        assert method.recipe.training is not None  # the trainer has checked it
        self._method, self._fabric, self._training = method, fabric, method.recipe.training
        self._plain = method.optimizers()
        self._optimizers: dict[str, Any] = {name: fabric.setup_optimizers(plain) for name, plain in self._plain.items()}
        self._parameters = {name: list(method.parameters_of(name)) for name in self._plain}
        self._networks = dict(method.named_children())
        self._counts = dict.fromkeys(self._plain, 0)
        self.losses: dict[str, Tensor] = {}
        """The latest loss of each optimizer, of this process's cells."""

    def __call__(self, name: str, loss: Tensor) -> None:
        """Minimise ``loss`` over the parameters of the network ``name``; no other network's gradients are touched."""
        if name not in self._optimizers:
            raise CytoBenchError(
                f"update({name!r}, loss): the recipe has no optimizer {name!r}, only {', '.join(self._optimizers)}"
            )
        optimizer, parameters = self._optimizers[name], self._parameters[name]
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self._fabric.device.type, enabled=False):
            self._fabric.backward(loss, inputs=parameters)
        _average_gradients(parameters)
        if self._training.clip is not None:
            network, most = self._networks[name], self._training.clip
            self._fabric.clip_gradients(network, optimizer, max_norm=most, error_if_nonfinite=False)
        for group in self._plain[name].param_groups:
            group["lr"] = self._method.recipe.optimizer[name].learning_rate(self._counts[name], self._training.steps)
        optimizer.step()
        torch.clear_autocast_cache()  # else the rest of this step would use the weights of before, rounded
        self._counts[name] += 1
        self.losses[name] = loss.detach()

    def state(self) -> dict[str, Any]:
        """All that the next update depends on."""
        optimizers = {name: plain.state_dict() for name, plain in self._plain.items()}
        return {"optimizers": optimizers, "counts": dict(self._counts), "precision": self._fabric.strategy.precision.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state`."""
        for name, plain in self._plain.items():
            plain.load_state_dict(state["optimizers"][name])
        self._counts = dict(state["counts"])
        self._fabric.strategy.precision.load_state_dict(state["precision"])


def _average_gradients(parameters: list[torch.nn.Parameter]) -> None:
    """Give every process the mean of all processes' gradients, in one message."""
    if ranks() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    together = mean(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, part in zip(gradients, together.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
