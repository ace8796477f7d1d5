"""The decoder of Bahdanau, Cho & Bengio (2015)."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.models.attention import Attention
from seqlstm.models.decoders.autoregressive import AutoregressiveDecoder
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.recurrent.stack import LayerStack
from seqlstm.recurrent.state import State


class BahdanauDecoder(AutoregressiveDecoder):
    """Bahdanau, Cho & Bengio's decoder (2015): s_i = f(s_{i-1}, y_{i-1}, c_i), query s_{i-1}.

    The first layer reads the embedding and the context; the output is s_i, c_i and the embedding
    (eq. 4). In a deep stack s is the output of the last layer. The first query is that layer's
    first h where there is a bridge, else zeros.

    Args:
        stack: its input is an embedding and a context.
        attention: over the encoder's outputs; its queries are the stack's outputs.
        embedding_dim: features of an embedding.
        bridge: maps the encoder's last state to the stack's first state.
        dropout: on the memory.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        *,
        stack: LayerStack,
        attention: Attention,
        embedding_dim: int,
        bridge: Bridge | None = None,
        dropout: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__(
            stack.output + attention.output + embedding_dim,
            stack.output,
            stack=stack,
            attention=attention,
            bridge=bridge,
            dropout=dropout,
            variational=variational,
        )

    def start(self, memory: State) -> State:
        state, output, coverage = super().start(memory)
        return state, output if self.bridge is None else state[-1][0], coverage

    def step(self, embedded: Tensor, state: State, memory: State) -> tuple[Tensor, State, Tensor]:
        stack_state, output, coverage = state
        context, weights, coverage = self.attend(output, coverage, memory)
        outputs, stack_state = self.stack(torch.cat([embedded, context], dim=-1), stack_state)
        features = torch.cat([outputs, context, embedded], dim=-1)
        return features, (stack_state, outputs.squeeze(0), coverage), weights
