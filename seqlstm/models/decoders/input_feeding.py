"""Luong, Pham & Manning's decoder."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.models.attention import Attention
from seqlstm.models.decoders.autoregressive import AutoregressiveDecoder
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.nn.linear import Linear
from seqlstm.recurrent.stack import LayerStack
from seqlstm.recurrent.state import State


class InputFeedingDecoder(AutoregressiveDecoder):
    """Luong, Pham & Manning (2015): h̃ = tanh(W [c; h]), which the next step reads too.

    h is the stack's output, and queries the attention for the context c; the readout reads h̃
    (eq. 5), which joins the next embedding (§3.3). The first step reads zeros in its place.

    Args:
        stack: reads an embedding and h̃, which is as wide as what the stack gives.
        attention: queried by the stack, over the encoder's outputs.
        bridge: makes the stack's first state from the encoder's last.
        between: dropout on the memory, and on h where h̃ reads it.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        *,
        stack: LayerStack,
        attention: Attention,
        bridge: Bridge | None = None,
        between: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__(
            stack.output,
            stack.output,
            stack=stack,
            attention=attention,
            bridge=bridge,
            between=between,
            variational=variational,
        )
        self.join = Linear(attention.output + stack.output, stack.output, bias=False)

    def step(self, embedded: Tensor, state: State, memory: State) -> tuple[Tensor, State, Tensor]:
        below, fed, past = state
        outputs, below = self.stack(torch.cat([embedded, fed.unsqueeze(0)], dim=-1), below)
        context, weights, past = self.look(outputs.squeeze(0), past, memory)
        joined = self.join(torch.cat([context, self.between(outputs)], dim=-1)).tanh()
        return joined, (below, joined.squeeze(0), past), weights
