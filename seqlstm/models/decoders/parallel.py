"""A decoder that is parallel over time."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.models.attention import Attention
from seqlstm.models.decoders.base import AttentionDecoder
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.recurrent.backends import Call
from seqlstm.recurrent.stack import LayerStack
from seqlstm.recurrent.state import State


class ParallelDecoder(AttentionDecoder):
    """GNMT's decoder (Wu et al., 2016), as its authors later trained it.

    Its first layer reads the embeddings alone, its outputs query the attention, and the context
    joins the inputs of every later layer and of the readout at the same step. So, with the target
    known, each layer is one call over the whole sentence, and attention one batched product.

    The state is the pair of the two stacks' states.

    Args:
        first: the decoder below the attention.
        attention: queried by `first`, over the encoder's outputs.
        rest: the decoder above the attention.
        bridge: makes the first state of all layers from the encoder's last.
        between: dropout on the memory, and on what `rest` reads.
        variational: one dropout mask for a whole sequence, or one for each step.

    Raises:
        ValueError: attention with coverage, whose past weights no step has at hand.
    """

    def __init__(
        self,
        *,
        first: LayerStack,
        attention: Attention,
        rest: LayerStack,
        bridge: Bridge | None = None,
        between: float = 0.0,
        variational: bool = True,
    ) -> None:
        if attention.coverage is not None:
            raise ValueError(
                "coverage cannot take effect in a decoder that is parallel over time: all its "
                "queries are asked at once, when none has past weights yet"
            )
        super().__init__(
            rest.output + attention.output,
            bridge=bridge,
            between=between,
            variational=variational,
        )
        self.first = first
        self.attention = attention
        self.rest = rest

    def initial_state(self, batch: int) -> State:
        return self.first.initial_state(batch), self.rest.initial_state(batch)

    def start(self, memory: State) -> State:
        (_, _, mask), read = memory
        below, above = self.initial_state(len(mask))
        if self.bridge is None:
            return below, above
        states = self.bridge(read, below + above)
        return states[: len(below)], states[len(below) :]

    def forward(
        self, embedded: Tensor, memory: State, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        below, above = self.start(memory)
        queries, _ = self.first(embedded, below, lengths=lengths, last=False)
        weights = self.attention.weights(queries.transpose(0, 1), memory[0])
        context = self.attention.read(weights, memory[0]).transpose(0, 1)
        outputs, _ = self.rest(
            self.between(queries), above, lengths=lengths, last=False, context=context
        )
        return torch.cat([outputs, context], dim=-1), weights

    def step(self, embedded: Tensor, state: State, memory: State) -> tuple[Tensor, State, Tensor]:
        below, above = state
        sentences, rows = len(memory[0][0]), embedded.shape[1]
        queries, below = self.first(embedded, below)
        beams = queries.view(sentences, -1, queries.shape[-1])  # (sentences, beams, query)
        weights = self.attention.weights(beams, memory[0])
        context = self.attention.read(weights, memory[0]).view(1, rows, -1)
        outputs, above = self.rest(self.between(queries), above, context=context)
        features = torch.cat([outputs, context], dim=-1)
        return features, (below, above), weights.transpose(1, 2).flatten(0, 1)

    def stacks(self) -> dict[str, tuple[LayerStack, Call]]:
        call = Call(lengths=True, last=False)
        return {"first": (self.first, call), "rest": (self.rest, call)}
