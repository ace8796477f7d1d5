"""The decoder of GNMT, which is parallel over time."""

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
    """GNMT's decoder (Wu et al., 2016), in the parallel form that its authors later trained.

    The first layer reads the embeddings alone, its outputs are the queries of the attention, and
    the context is an input of every later layer and of the output layer at the same step. Under
    teacher forcing each layer is one call over the whole sentence, attention one batched product.

    The state is the pair of the two stacks' states.

    Args:
        first: the layers below the attention.
        attention: over the encoder's outputs; its queries are the outputs of `first`.
        rest: the layers above the attention.
        bridge: maps the encoder's last state to the first state of all layers.
        dropout: on the memory, and on the inputs of `rest`.
        variational: one dropout mask for a whole sequence, or one for each step.

    Raises:
        ValueError: the attention has coverage: past weights are not available in parallel.
    """

    def __init__(
        self,
        *,
        first: LayerStack,
        attention: Attention,
        rest: LayerStack,
        bridge: Bridge | None = None,
        dropout: float = 0.0,
        variational: bool = True,
    ) -> None:
        if attention.coverage is not None:
            raise ValueError(
                "coverage cannot take effect in a decoder that is parallel over time: it computes "
                "the weights of all steps at once, when there are no past weights yet"
            )
        super().__init__(
            rest.output + attention.output,
            bridge=bridge,
            dropout=dropout,
            variational=variational,
        )
        self.first = first
        self.attention = attention
        self.rest = rest

    def initial_state(self, batch: int) -> State:
        return self.first.initial_state(batch), self.rest.initial_state(batch)

    def start(self, memory: State) -> State:
        (_, _, mask), bridge_inputs = memory
        first_state, rest_state = self.initial_state(len(mask))
        if self.bridge is None:
            return first_state, rest_state
        states = self.bridge(bridge_inputs, first_state + rest_state)
        return states[: len(first_state)], states[len(first_state) :]

    def forward(
        self, embedded: Tensor, memory: State, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        first_state, rest_state = self.start(memory)
        queries, _ = self.first(embedded, first_state, lengths=lengths, return_state=False)
        weights = self.attention.weights(queries.transpose(0, 1), memory[0])
        context = self.attention.context(weights, memory[0]).transpose(0, 1)
        outputs, _ = self.rest(
            self.dropout(queries), rest_state, lengths=lengths, return_state=False, context=context
        )
        return torch.cat([outputs, context], dim=-1), weights

    def step(self, embedded: Tensor, state: State, memory: State) -> tuple[Tensor, State, Tensor]:
        first_state, rest_state = state
        sentences, rows = len(memory[0][0]), embedded.shape[1]
        queries, first_state = self.first(embedded, first_state)
        beams = queries.view(sentences, -1, queries.shape[-1])  # (sentences, beams, query)
        weights = self.attention.weights(beams, memory[0])
        context = self.attention.context(weights, memory[0]).reshape(1, rows, -1)
        outputs, rest_state = self.rest(self.dropout(queries), rest_state, context=context)
        features = torch.cat([outputs, context], dim=-1)
        return features, (first_state, rest_state), weights.transpose(1, 2).flatten(0, 1)

    def stacks(self) -> dict[str, tuple[LayerStack, Call]]:
        call = Call(lengths=True, return_state=False)
        return {"first": (self.first, call), "rest": (self.rest, call)}
