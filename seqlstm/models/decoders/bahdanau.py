"""Bahdanau, Cho & Bengio's decoder."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.models.attention import Attention
from seqlstm.models.decoders.autoregressive import AutoregressiveDecoder
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.recurrent.stack import LayerStack
from seqlstm.recurrent.state import State


class BahdanauDecoder(AutoregressiveDecoder):
    """Bahdanau, Cho & Bengio (2015): s_i = f(s_{i-1}, y_{i-1}, c_i), c_i queried by s_{i-1}.

    The context joins the embedding that the first layer reads; the readout reads s_i, c_i and the
    embedding (eq. 4). In a deep stack s is the output of the last layer. The first query is that
    layer's first h where there is a bridge, else zeros.

    Args:
        stack: reads an embedding and a context.
        attention: queried by the stack's last output, over the encoder's outputs.
        width: features of an embedding.
        bridge: makes the stack's first state from the encoder's last.
        between: dropout on the memory.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        *,
        stack: LayerStack,
        attention: Attention,
        width: int,
        bridge: Bridge | None = None,
        between: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__(
            stack.output + attention.output + width,
            stack.output,
            stack=stack,
            attention=attention,
            bridge=bridge,
            between=between,
            variational=variational,
        )

    def start(self, memory: State) -> State:
        below, output, past = super().start(memory)
        return below, output if self.bridge is None else below[-1][0], past

    def step(self, embedded: Tensor, state: State, memory: State) -> tuple[Tensor, State, Tensor]:
        below, output, past = state
        context, weights, past = self.look(output, past, memory)
        outputs, below = self.stack(torch.cat([embedded, context], dim=-1), below)
        read = torch.cat([outputs, context, embedded], dim=-1)
        return read, (below, outputs.squeeze(0), past), weights
