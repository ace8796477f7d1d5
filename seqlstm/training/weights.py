"""A model's weights as a table of tensors; one that serves under two names stands there once."""

from __future__ import annotations

import torch
from torch import nn

from seqlstm.errors import RunError
from seqlstm.runtime.files import Weights


def weights_of(model: nn.Module) -> Weights:
    """A copy of the model's weights, where they are."""
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


@torch.no_grad()
def set_weights(model: nn.Module, weights: Weights) -> None:
    """Put the weights into the model.

    Raises:
        RunError: they are those of another model; names what does not fit.
    """
    own = dict(model.named_parameters())
    problems = [f"{name} is missing" for name in own.keys() - weights.keys()]
    problems += [f"{name} is unknown" for name in weights.keys() - own.keys()]
    problems += [
        f"{name} is {tuple(weights[name].shape)}, not {tuple(own[name].shape)}"
        for name in own.keys() & weights.keys()
        if weights[name].shape != own[name].shape
    ]
    if problems:
        raise RunError(f"the weights are those of another model: {', '.join(sorted(problems)[:5])}")
    for name, parameter in own.items():
        parameter.copy_(weights[name])
