"""The language model."""

from __future__ import annotations

from torch import Tensor, nn

from seqlstm.models.batch import Batch, ModelOutput
from seqlstm.models.embedding import TokenEmbedding
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.models.output.target_scores import score_targets
from seqlstm.nn.dropout import Dropout
from seqlstm.recurrent.stack import LayerStack
from seqlstm.recurrent.state import State


class LanguageModel(nn.Module):
    """A recurrent language model: embedding, stack, output layer. Its state is the stack's.

    Args:
        embedding: ids to features.
        stack: the recurrent layers.
        output_layer: features to logits.
        dropout: on the stack's outputs.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        *,
        embedding: TokenEmbedding,
        stack: LayerStack,
        output_layer: OutputLayer,
        dropout: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.stack = stack
        self.dropout = Dropout(dropout, variational=variational)
        self.output_layer = output_layer

    def initial_state(self, batch: int) -> State:
        return self.stack.initial_state(batch)

    def forward(self, batch: Batch, state: State | None = None) -> ModelOutput:
        """Features of a batch for the output layer, and the state after it.

        Args:
            batch: the ids.
            state: the state before the batch; the initial state when None.
        """
        hidden, state = self.outputs(batch, state, return_state=True)
        return ModelOutput(self.dropout(hidden), hidden, state)

    def log_probabilities(
        self, batch: Batch, state: State | None = None, *, return_state: bool = False
    ) -> tuple[Tensor, State | None]:
        """Natural log-probability of every target, (batch, time), and the state after the batch.

        Padding has log-probability 0.
        """
        features, state = self.features(batch, state, return_state=return_state)
        return score_targets(self.output_layer, features, batch), state

    def features(
        self, batch: Batch, state: State | None, *, return_state: bool
    ) -> tuple[Tensor, State | None]:
        """The output layer's inputs, (time · batch, hidden), and the state after the batch."""
        outputs, state = self.outputs(batch, state, return_state=return_state)
        return self.dropout(outputs).flatten(0, 1), state

    def outputs(
        self, batch: Batch, state: State | None, *, return_state: bool
    ) -> tuple[Tensor, State | None]:
        """The stack's outputs, (time, batch, hidden), and the state after the batch."""
        resets = None if batch.resets is None else batch.resets.t()
        outputs: tuple[Tensor, State | None] = self.stack(
            self.embedding(batch.inputs),
            state,
            lengths=batch.lengths,
            resets=resets,
            return_state=return_state,
        )
        return outputs

    def advance(
        self, token: Tensor, state: State, memory: State | None = None
    ) -> tuple[Tensor, State]:
        """One step: tokens (rows,) -> logits (rows, vocabulary) and the next state.

        `memory` is unused: it stands for the source of a translator.
        """
        features, state = self.stack(self.embedding(token.unsqueeze(1)), state)
        return self.output_layer(features.squeeze(0)), state
