"""A model's weights as tensors by name; a shared weight is listed once."""

from __future__ import annotations

import torch
from torch import nn

from seqlstm.errors import RunError
from seqlstm.runtime.files import Weights


def weights_of(model: nn.Module) -> Weights:
    """A copy of the model's weights, on the same device."""
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


@torch.no_grad()
def set_weights(model: nn.Module, weights: Weights) -> None:
    """Copy the weights into the model.

    Raises:
        RunError: names or shapes differ from the model's; no weight is changed.
    """
    parameters = dict(model.named_parameters())
    problems = [f"{name} is missing" for name in parameters.keys() - weights.keys()]
    problems += [f"{name} is unknown" for name in weights.keys() - parameters.keys()]
    problems += [
        f"{name} is {tuple(weights[name].shape)}, not {tuple(parameters[name].shape)}"
        for name in parameters.keys() & weights.keys()
        if weights[name].shape != parameters[name].shape
    ]
    if problems:
        raise RunError(f"the weights are those of another model: {', '.join(sorted(problems)[:5])}")
    for name, parameter in parameters.items():
        parameter.copy_(weights[name])
