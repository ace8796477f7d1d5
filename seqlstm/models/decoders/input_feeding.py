"""The input-feeding decoder of Luong, Pham & Manning (2015)."""

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
    """Luong, Pham & Manning's input feeding (2015): h̃_t = tanh(W [c_t; h_t]).

    h is the stack's output and the query of the attention, c the context; the output is h̃ (eq. 5),
    an input of the next step beside the embedding (§3.3). The first step has zeros instead.

    Args:
        stack: its input is an embedding and h̃, whose size is that of the stack's output.
        attention: over the encoder's outputs; its queries are the stack's outputs.
        bridge: maps the encoder's last state to the stack's first state.
        dropout: on the memory, and on h as an input of h̃.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        *,
        stack: LayerStack,
        attention: Attention,
        bridge: Bridge | None = None,
        dropout: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__(
            stack.output,
            stack.output,
            stack=stack,
            attention=attention,
            bridge=bridge,
            dropout=dropout,
            variational=variational,
        )
        self.join = Linear(attention.output + stack.output, stack.output, bias=False)

    def step(self, embedded: Tensor, state: State, memory: State) -> tuple[Tensor, State, Tensor]:
        stack_state, feedback, coverage = state
        inputs = torch.cat([embedded, feedback.unsqueeze(0)], dim=-1)
        outputs, stack_state = self.stack(inputs, stack_state)
        context, weights, coverage = self.attend(outputs.squeeze(0), coverage, memory)
        attentional = self.join(torch.cat([context, self.dropout(outputs)], dim=-1)).tanh()
        return attentional, (stack_state, attentional.squeeze(0), coverage), weights
