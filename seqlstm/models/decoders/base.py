"""Base classes of decoders."""

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
    """A decoder: from target embeddings and the memory to the features of the output layer.

    Features are time-major. The memory has a row for each sentence and does not change during
    decoding; the state has a row for each beam of each sentence.

    Args:
        output: features of one output.
        bridge: maps the encoder's last state to the first state; None for the cells' initial state.
    """

    def __init__(self, output: int, bridge: Bridge | None) -> None:
        super().__init__()
        self.output = output
        self.bridge = bridge

    @abstractmethod
    def prepare(self, encoded: Tensor, mask: Tensor, final: State | None) -> State:
        """The memory of a batch of sources.

        Args:
            encoded: the encoder's outputs, (source, batch, features).
            mask: true at real ids, (batch, source).
            final: the encoder's state after each row's last id; needed by a bridge.
        """

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """The part of the first state that does not depend on the source."""

    @abstractmethod
    def start(self, memory: State) -> State:
        """The state before the first step, a row for each sentence of the memory."""

    @abstractmethod
    def forward(
        self, embedded: Tensor, memory: State, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Teacher forcing: the features of all steps of the target, and the attention weights.

        Args:
            embedded: (time, batch, embedding_dim).
            memory: from `prepare`.
            lengths: real steps of each row, (batch,). Outputs at padding are undefined.

        Returns:
            Features (time, batch, output), and weights (batch, heads, time, source); None without
            attention.
        """

    @abstractmethod
    def step(
        self, embedded: Tensor, state: State, memory: State
    ) -> tuple[Tensor, State, Tensor | None]:
        """One step of embeddings (1, rows, embedding_dim).

        Returns:
            Features (1, rows, output), the next state, and weights (rows, heads, source); None
            without attention.
        """

    @abstractmethod
    def stacks(self) -> dict[str, tuple[LayerStack, Call]]:
        """The recurrent layers by name, and how training calls them."""


class AttentionDecoder(Decoder):
    """A decoder with attention. The memory is that of the attention and the inputs of the bridge.

    Args:
        output: features of one output.
        bridge: maps the encoder's last state to the first state.
        dropout: on the memory, and on features between the decoder's parts.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    attention: Attention

    def __init__(
        self,
        output: int,
        *,
        bridge: Bridge | None,
        dropout: float,
        variational: bool,
    ) -> None:
        super().__init__(output, bridge)
        self.dropout = Dropout(dropout, variational=variational)

    def prepare(self, encoded: Tensor, mask: Tensor, final: State | None) -> State:
        # Features become batch-first here: attention uses batched products.
        encoded = self.dropout(encoded).transpose(0, 1).contiguous()
        bridge_inputs = () if self.bridge is None or final is None else self.bridge.inputs(final)
        return self.attention.prepare(encoded, mask), bridge_inputs
