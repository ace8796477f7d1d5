"""What decoders share whose steps read what attention gave the step before."""

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
    """A decoder that runs step by step, also where the target is known.

    The state is that of the stack, what is fed back (rows, fed), and, with coverage, the sum of the
    past weights (rows, heads, source).

    Args:
        output: features that the readout reads.
        fed: features that are fed back.
        stack: the recurrent layers.
        attention: over the encoder's outputs.
        bridge: makes the stack's first state from the encoder's last.
        between: dropout between the parts, and so on the memory.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        output: int,
        fed: int,
        *,
        stack: LayerStack,
        attention: Attention,
        bridge: Bridge | None,
        between: float,
        variational: bool,
    ) -> None:
        super().__init__(output, bridge=bridge, between=between, variational=variational)
        self.fed = fed
        self.stack = stack
        self.attention = attention

    def initial_state(self, batch: int) -> State:
        nothing = next(self.parameters()).new_zeros(batch, self.fed)
        return self.stack.initial_state(batch), nothing, ()

    def start(self, memory: State) -> State:
        (_, _, mask), read = memory
        below, fed, past = self.initial_state(len(mask))
        if self.bridge is not None:
            below = self.bridge(read, below)
        if self.attention.coverage is not None:
            past = fed.new_zeros(len(mask), self.attention.heads, mask.shape[1])
        return below, fed, past

    @abstractmethod
    def step(
        self, embedded: Tensor, state: State, memory: State
    ) -> tuple[Tensor, State, Tensor]: ...

    def look(
        self, queries: Tensor, past: Tensor | State, memory: State
    ) -> tuple[Tensor, Tensor, Tensor | State]:
        """Context (1, rows, memory) and weights of queries (rows, query), and the past with these.

        Rows are sentences times beams.
        """
        sentences = len(memory[0][0])
        asked = queries.view(sentences, -1, queries.shape[-1])
        if not isinstance(past, Tensor):
            weights = self.attention.weights(asked, memory[0])
        else:
            had = past.view(*asked.shape[:2], *past.shape[1:]).transpose(1, 2)
            weights = self.attention.weights(asked, memory[0], had)
        context = self.attention.read(weights, memory[0]).view(1, len(queries), -1)
        weights = weights.transpose(1, 2).flatten(0, 1)
        return context, weights, past + weights if isinstance(past, Tensor) else past

    def forward(
        self, embedded: Tensor, memory: State, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        state, outputs, weights = self.start(memory), [], []
        with fixed_masks(self):
            for now in torch.split(embedded, 1):
                output, state, seen = self.step(now, state, memory)
                outputs.append(output)
                weights.append(seen)
        return torch.cat(outputs), torch.stack(weights, dim=2)

    def stacks(self) -> dict[str, tuple[LayerStack, Call]]:
        return {"decoder": (self.stack, Call(single=True))}
