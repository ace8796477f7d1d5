"""The language model."""

from __future__ import annotations

from torch import Tensor, nn

from seqlstm.models.batch import Batch
from seqlstm.models.embedding import TokenEmbedding
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.models.output.target_scores import score_targets
from seqlstm.models.regularizers import ActivationRegularizer, add_gradient
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
        penalty: on the stack's outputs in training; its gradient is added to the loss's, its value
            is not.
    """

    def __init__(
        self,
        *,
        embedding: TokenEmbedding,
        stack: LayerStack,
        output_layer: OutputLayer,
        dropout: float = 0.0,
        variational: bool = True,
        penalty: ActivationRegularizer | None = None,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.stack = stack
        self.dropout = Dropout(dropout, variational=variational)
        self.output_layer = output_layer
        self.penalty = penalty

    def initial_state(self, batch: int) -> State:
        return self.stack.initial_state(batch)

    def forward(
        self, batch: Batch, state: State | None = None, *, last: bool = True
    ) -> tuple[Tensor, int, State | None]:
        """The summed loss in nats, the number of its tokens, and the state after the batch."""
        outputs, state = self.outputs(batch, state, last=last)
        dropped = self.dropout(outputs)
        features, targets = dropped.flatten(0, 1), batch.targets.t().flatten()
        if batch.tokens < batch.targets.numel():
            features = features.index_select(0, batch.target_index)
            targets = targets.index_select(0, batch.target_index)
        loss = self.output_layer.loss(features, targets)
        if self.training and self.penalty is not None:
            loss = add_gradient(loss, self.penalty(outputs, dropped, batch))
        return loss, batch.tokens, state

    def log_probabilities(
        self, batch: Batch, state: State | None = None, *, last: bool = False
    ) -> tuple[Tensor, State | None]:
        """Natural log-probability of every target, (batch, time), and the state after the batch.

        Padding has log-probability 0.
        """
        features, state = self.features(batch, state, last=last)
        return score_targets(self.output_layer, features, batch), state

    def features(
        self, batch: Batch, state: State | None, *, last: bool
    ) -> tuple[Tensor, State | None]:
        """The output layer's inputs, (time · batch, hidden), and the state after the batch."""
        outputs, state = self.outputs(batch, state, last=last)
        return self.dropout(outputs).flatten(0, 1), state

    def outputs(
        self, batch: Batch, state: State | None, *, last: bool
    ) -> tuple[Tensor, State | None]:
        """The stack's outputs, (time, batch, hidden), and the state after the batch."""
        resets = None if batch.resets is None else batch.resets.t()
        outputs: tuple[Tensor, State | None] = self.stack(
            self.embedding(batch.inputs), state, lengths=batch.lengths, resets=resets, last=last
        )
        return outputs

    def advance(
        self, token: Tensor, state: State, memory: State | None = None
    ) -> tuple[Tensor, State]:
        """One step: tokens (rows,) -> logits (rows, vocabulary) and the next state.

        There is no memory.
        """
        features, state = self.stack(self.embedding(token.unsqueeze(1)), state)
        return self.output_layer(features.squeeze(0)), state
