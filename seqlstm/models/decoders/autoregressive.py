"""Base class of decoders whose step t depends on the attention of step t − 1."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from seqlstm.models.attention import Attention
from seqlstm.models.decoders.base import AttentionDecoder
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.nn.dropout import fixed_masks
from seqlstm.recurrent.backends import Call
from seqlstm.recurrent.stack import LayerStack
from seqlstm.recurrent.state import State


class AutoregressiveDecoder(AttentionDecoder):
    """A decoder that runs step by step in training too.

    The state has three parts: that of the stack; the features that are fed back, (rows, feedback);
    and, with coverage, the sum of the past weights, (rows, heads, source), else ().

    Args:
        output: features of one output.
        feedback: features that are fed back.
        stack: the recurrent layers.
        attention: over the encoder's outputs.
        bridge: maps the encoder's last state to the stack's first state.
        dropout: on the memory, and on features between the decoder's parts.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        output: int,
        feedback: int,
        *,
        stack: LayerStack,
        attention: Attention,
        bridge: Bridge | None,
        dropout: float,
        variational: bool,
    ) -> None:
        super().__init__(output, bridge=bridge, dropout=dropout, variational=variational)
        self.feedback = feedback
        self.stack = stack
        self.attention = attention

    def initial_state(self, batch: int) -> State:
        zeros = next(self.parameters()).new_zeros(batch, self.feedback)
        return self.stack.initial_state(batch), zeros, ()

    def start(self, memory: State) -> State:
        (_, _, mask), bridge_inputs = memory
        state, feedback, coverage = self.initial_state(len(mask))
        if self.bridge is not None:
            state = self.bridge(bridge_inputs, state)
        if self.attention.coverage is not None:
            coverage = feedback.new_zeros(len(mask), self.attention.heads, mask.shape[1])
        return state, feedback, coverage

    @abstractmethod
    def step(
        self, embedded: Tensor, state: State, memory: State
    ) -> tuple[Tensor, State, Tensor]: ...

    def attend(
        self, queries: Tensor, coverage: Tensor | State, memory: State
    ) -> tuple[Tensor, Tensor, Tensor | State]:
        """Contexts (1, rows, memory), weights (rows, heads, source) and the next coverage.

        Args:
            queries: (rows, query); rows are sentences times beams.
            coverage: the sum of the past weights (rows, heads, source), or ().
            memory: from `prepare`.
        """
        sentences = len(memory[0][0])
        beams = queries.view(sentences, -1, queries.shape[-1])  # (sentences, beams, query)
        past = None
        if isinstance(coverage, Tensor):
            past = coverage.view(*beams.shape[:2], *coverage.shape[1:]).transpose(1, 2)
        weights = self.attention.weights(beams, memory[0], past)
        context = self.attention.context(weights, memory[0]).reshape(1, len(queries), -1)
        weights = weights.transpose(1, 2).flatten(0, 1)
        return context, weights, coverage + weights if isinstance(coverage, Tensor) else coverage

    def forward(
        self, embedded: Tensor, memory: State, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        state, outputs, weights = self.start(memory), [], []
        with fixed_masks(self):
            for embedded_t in torch.split(embedded, 1):
                output, state, weights_t = self.step(embedded_t, state, memory)
                outputs.append(output)
                weights.append(weights_t)
        return torch.cat(outputs), torch.stack(weights, dim=2)

    def stacks(self) -> dict[str, tuple[LayerStack, Call]]:
        return {"decoder": (self.stack, Call(single_step=True))}
