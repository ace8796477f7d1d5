"""What every decoder has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from seqlstm.models.attention import Attention
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.nn.dropout import Dropout
from seqlstm.recurrent.backends import Call
from seqlstm.recurrent.stack import LayerStack
from seqlstm.recurrent.state import State


class Decoder(nn.Module, ABC):
    """From embedded ids, and what there is of the source, to what the readout reads.

    Features are time-major. The memory is what never changes while a sentence is decoded, one row a
    sentence; the state has as many rows for each sentence as it has beams.

    Args:
        output: features that the readout reads.
        bridge: makes the first state from the encoder's last; None where it begins as ever.
    """

    def __init__(self, output: int, bridge: Bridge | None) -> None:
        super().__init__()
        self.output = output
        self.bridge = bridge

    @abstractmethod
    def prepare(self, encoded: Tensor, mask: Tensor, final: State | None) -> State:
        """The memory.

        Args:
            encoded: the encoder's outputs, (source, batch, features).
            mask: true at real ids, (batch, source).
            final: the encoder's state after each row's last id, if there is a bridge.
        """

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """The state before the first step, as far as it does not depend on the source."""

    @abstractmethod
    def start(self, memory: State) -> State:
        """The state before the first step, a row for each sentence of the memory."""

    @abstractmethod
    def forward(
        self, embedded: Tensor, memory: State, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """The whole target: what the readout reads at each step, and attention's weights.

        Args:
            embedded: (time, batch, width).
            memory: what `prepare` gave.
            lengths: real steps of each row, (batch,). What is after them means nothing.

        Returns:
            (time, batch, output), and (batch, heads, time, source) where there is attention.
        """

    @abstractmethod
    def step(
        self, embedded: Tensor, state: State, memory: State
    ) -> tuple[Tensor, State, Tensor | None]:
        """One step of rows, (1, rows, width).

        Returns:
            (1, rows, output), the state after it, and (rows, heads, source) where there is
            attention.
        """

    @abstractmethod
    def stacks(self) -> dict[str, tuple[LayerStack, Call]]:
        """The recurrent layers, and how training calls them."""


class AttentionDecoder(Decoder):
    """A decoder that reads its source by attention.

    The memory is that of the attention, and what the bridge reads.

    Args:
        output: features that the readout reads.
        bridge: makes the first state from the encoder's last.
        between: dropout between the parts, and so on the memory.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    attention: Attention

    def __init__(
        self,
        output: int,
        *,
        bridge: Bridge | None,
        between: float,
        variational: bool,
    ) -> None:
        super().__init__(output, bridge)
        self.between = Dropout(between, variational=variational)

    def prepare(self, encoded: Tensor, mask: Tensor, final: State | None) -> State:
        # The one place where features turn batch-first: attention's products are batched.
        encoded = self.between(encoded).transpose(0, 1).contiguous()
        read = () if self.bridge is None or final is None else self.bridge.read(final)
        return self.attention.prepare(encoded, mask), read
