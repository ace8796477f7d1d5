"""The state of PyTorch's random number generators."""

from __future__ import annotations

import torch
from torch import Tensor


def generator_states(device: torch.device) -> dict[str, Tensor]:
    """The state of each random number generator that training on the device uses."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_generators(states: dict[str, Tensor], device: torch.device) -> None:
    """Restore the states that `generator_states` returned."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
