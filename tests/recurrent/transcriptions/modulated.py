"""The cells that are not element-wise: normalised, gated or multiplied beforehand, convolved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor, nn

from tests import oracles
from tests.recurrent.transcriptions.gates import gates_of


def layernorm(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    return partial(
        oracles.layernorm,
        W=cell.input.tolist(),
        R=cell.recurrent.tolist(),
        b=cell.bias.tolist(),
        alpha1=cell.input_scale.tolist(),
        alpha2=cell.recurrent_scale.tolist(),
        alpha3=cell.memory_scale.tolist(),
        beta3=cell.memory_bias.tolist(),
        by_gate=options.get("by_gate", False),
    )


def mogrifier(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    matrices = [multiplied_out(matrix).tolist() for matrix in cell.rounds]
    return partial(oracles.mogrifier, weights=gates_of(cell), Q=matrices[::2], R=matrices[1::2])


def multiplied_out(matrices: nn.Sequential) -> Tensor:
    """One matrix for several that are applied one after the other."""
    return reduce(lambda first, then: then @ first, [layer.weight for layer in matrices])


def multiplicative(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    return partial(
        oracles.multiplicative,
        weights=gates_of(cell),
        W_m=cell.from_input.tolist(),
        R_m=cell.from_state.tolist(),
        **options,
    )


def convolutional(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    gates = ("input", "forget", "candidate", "output")

    def by_gate(parameter: Tensor, names: tuple[str, ...] = gates) -> dict[str, Any]:
        parts = torch.chunk(parameter, len(names))
        return {name: part.tolist() for name, part in zip(names, parts, strict=True)}

    W, U = by_gate(cell.input), by_gate(cell.recurrent)
    return partial(
        oracles.convolutional,
        kernels={name: (W[name], U[name]) for name in gates},
        peepholes=by_gate(cell.peephole, ("input", "forget", "output")),
        biases=by_gate(cell.bias),
        extent=options["extent"],
    )


TRANSCRIPTIONS = {
    "layer-norm": layernorm,
    "mogrifier": mogrifier,
    "multiplicative": multiplicative,
    "convolutional": convolutional,
}
