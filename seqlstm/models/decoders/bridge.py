"""The bridge from the encoder's last state to the decoder's first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from seqlstm.nn.linear import Linear
from seqlstm.recurrent.layer import Bidirectional, Recurrent, WeightDrop
from seqlstm.recurrent.stack import LayerStack
from seqlstm.recurrent.state import State, leaves


class Bridge(nn.Module):
    """tanh(W s + b), where s is the encoder's last state (Bahdanau, Cho & Bengio, 2015, A.2.2).

    It computes h and c of each decoder layer from those of one encoder layer (of both directions if
    it has two); other parts of a state keep their initial value. The layers are matched from the
    top; the lowest encoder layer also serves all decoder layers that are left.

    Args:
        encoder: the encoder's layers.
        decoder: the decoder's layers, from the lowest.

    Raises:
        ValueError: a cell has neither h nor c in its state.
    """

    def __init__(self, encoder: LayerStack, decoder: Sequence[nn.Module]) -> None:
        super().__init__()
        from_top = range(len(decoder) - 1, -1, -1)  # layers above each decoder layer
        self.matched = [max(0, len(encoder.layers) - 1 - distance) for distance in from_top]
        self.sources = [h_and_c_sizes(encoder.layers[index]) for index in self.matched]
        self.targets = [h_and_c_sizes(layer) for layer in decoder]
        self.maps = nn.ModuleList(
            Linear(sum(source.values()), sum(target.values()))
            for source, target in zip(self.sources, self.targets, strict=True)
        )

    def inputs(self, final: State) -> State:
        """Inputs of the bridge, from the encoder's last state: (batch, features) for each layer."""
        return tuple(
            torch.cat([leaves(final[index])[part] for part in source], dim=-1)
            for index, source in zip(self.matched, self.sources, strict=True)
        )

    def forward(self, inputs: State, initial: State) -> State:
        """The `initial` states of the decoder's layers, with h and c replaced."""
        values = (linear(part).tanh() for linear, part in zip(self.maps, inputs, strict=True))
        return tuple(
            self.replace(value, state, target)
            for value, state, target in zip(values, initial, self.targets, strict=True)
        )

    def replace(self, value: Tensor, state: State, target: dict[int, int]) -> State:
        """The state of one layer, with h and c from the output of its linear map."""
        parts = torch.split(value.to(leaves(state)[0].dtype), list(target.values()), dim=-1)
        replaced = dict(zip(target, parts, strict=True))
        return tuple(replaced.get(index, part) for index, part in enumerate(state))


def h_and_c_sizes(layer: nn.Module) -> dict[int, int]:
    """Indices of h and c among the tensors of a layer's state, and their sizes.

    Without c where there is a stabilizer m: m starts at −∞, which gives c a weight of 0.
    """
    recurrent = cast("Recurrent | WeightDrop | Bidirectional", layer)
    names = recurrent.state_names
    mapped = {"h"} if "m" in names else {"h", "c"}
    sizes = [part.shape[-1] for part in leaves(recurrent.initial_state(1))]
    indices = {index: sizes[index] for index, name in enumerate(names) if name in mapped}
    if not indices:
        raise ValueError(
            "a decoder cannot begin where the encoder ended with this cell: its state "
            f"({', '.join(dict.fromkeys(names))}) holds neither an h nor a c"
        )
    return indices
