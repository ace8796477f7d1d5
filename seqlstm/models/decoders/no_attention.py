"""The decoder of Sutskever, Vinyals & Le (2014), without attention."""

from __future__ import annotations

from torch import Tensor

from seqlstm.models.decoders.base import Decoder
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.recurrent.backends import Call
from seqlstm.recurrent.stack import LayerStack
from seqlstm.recurrent.state import State


class NoAttentionDecoder(Decoder):
    """Sutskever, Vinyals & Le's decoder (2014): only its first state depends on the source.

    The memory is the bridge's inputs from the encoder's last state; the state is the stack's.

    Args:
        stack: its input is the embeddings.
        bridge: maps the encoder's last state to the stack's first state.
    """

    bridge: Bridge

    def __init__(self, *, stack: LayerStack, bridge: Bridge) -> None:
        super().__init__(stack.output, bridge)
        self.stack = stack

    def prepare(self, encoded: Tensor, mask: Tensor, final: State | None) -> State:
        assert final is not None
        return self.bridge.inputs(final)

    def initial_state(self, batch: int) -> State:
        return self.stack.initial_state(batch)

    def start(self, memory: State) -> State:
        states: State = self.bridge(memory, self.initial_state(len(memory[0])))
        return states

    def forward(
        self, embedded: Tensor, memory: State, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, None]:
        outputs, _ = self.stack(embedded, self.start(memory), lengths=lengths, return_state=False)
        return outputs, None

    def step(self, embedded: Tensor, state: State, memory: State) -> tuple[Tensor, State, None]:
        outputs, state = self.stack(embedded, state)
        return outputs, state, None

    def stacks(self) -> dict[str, tuple[LayerStack, Call]]:
        return {"decoder": (self.stack, Call(lengths=True, return_state=False))}
