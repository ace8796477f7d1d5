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

    It computes h and c of each decoder layer from those of one encoder layer, of both directions if
    it has two; other parts of a state keep their initial value. Layers are matched from the top;
    where the decoder is deeper, its lower layers are matched with the encoder's lowest.

    Args:
        encoder: the encoder's layers.
        decoder: the decoder's layers, from the lowest.

    Raises:
        ValueError: a cell has neither h nor c in its state.
    """

    def __init__(self, encoder: LayerStack, decoder: Sequence[nn.Module]) -> None:
        super().__init__()
        above = range(len(decoder) - 1, -1, -1)
        self.matched = [max(0, len(encoder.layers) - 1 - distance) for distance in above]
        self.sources = [vectors(encoder.layers[place]) for place in self.matched]
        self.targets = [vectors(layer) for layer in decoder]
        self.maps = nn.ModuleList(
            Linear(sum(source.values()), sum(target.values()))
            for source, target in zip(self.sources, self.targets, strict=True)
        )

    def read(self, final: State) -> State:
        """Its inputs from the encoder's last state: (batch, features) for each decoder layer."""
        return tuple(
            torch.cat([leaves(final[place])[part] for part in source], dim=-1)
            for place, source in zip(self.matched, self.sources, strict=True)
        )

    def forward(self, inputs: State, first: State) -> State:
        """The layers' `first` states, with h and c replaced."""
        values = (linear(part).tanh() for linear, part in zip(self.maps, inputs, strict=True))
        return tuple(
            self.replace(value, state, target)
            for value, state, target in zip(values, first, self.targets, strict=True)
        )

    def replace(self, value: Tensor, state: State, target: dict[int, int]) -> State:
        parts = torch.split(value.to(leaves(state)[0].dtype), list(target.values()), dim=-1)
        replaced = dict(zip(target, parts, strict=True))
        return tuple(replaced.get(place, part) for place, part in enumerate(state))


def vectors(layer: nn.Module) -> dict[int, int]:
    """Indices of h and c among the tensors of a layer's state, and their sizes.

    With a stabiliser m, c is left out: m starts at -inf, where c has no weight.
    """
    recurrent = cast("Recurrent | WeightDrop | Bidirectional", layer)
    names = recurrent.state_names
    wanted = {"h"} if "m" in names else {"h", "c"}
    sizes = [part.shape[-1] for part in leaves(recurrent.initial_state(1))]
    indices = {index: sizes[index] for index, name in enumerate(names) if name in wanted}
    if not indices:
        raise ValueError(
            "a decoder cannot begin where the encoder ended with this cell: its state "
            f"({', '.join(dict.fromkeys(names))}) holds neither an h nor a c"
        )
    return indices
