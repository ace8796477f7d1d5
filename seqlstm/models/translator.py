"""A model of translation: what comes next, given a source."""

from __future__ import annotations

from torch import Tensor, nn

from seqlstm.models.attention import source_mask
from seqlstm.models.batch import Batch
from seqlstm.models.decoders.decoder import Decoder
from seqlstm.models.embedding import TokenEmbedding
from seqlstm.models.language_model import score_targets
from seqlstm.models.readout import Readout
from seqlstm.recurrent.stack import Dropout, Layers
from seqlstm.recurrent.state import State


class Translator(nn.Module):
    """TokenEmbedding - Stack - Decoder - Readout. State and memory are the decoder's.

    Args:
        source: embedding of the source.
        target: embedding of the target; it may be the same module.
        encoder: over the source, in both directions as a rule.
        decoder: from the embedded target and the encoder's outputs to what the readout reads.
        readout: features to logits.
        dropout: on what the readout reads.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        *,
        source: TokenEmbedding,
        target: TokenEmbedding,
        encoder: Layers,
        decoder: Decoder,
        readout: Readout,
        dropout: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__()
        self.source = source
        self.target = target
        self.encoder = encoder
        self.decoder = decoder
        self.dropout = Dropout(dropout, variational=variational)
        self.readout = readout

    def encode(self, source: Tensor, lengths: Tensor) -> State:
        """The memory: what the decoder may read of sources (batch, time) of these lengths."""
        bridged = self.decoder.bridge is not None
        encoded, final = self.encoder(self.source(source), lengths=lengths, last=bridged)
        return self.decoder.prepare(encoded, source_mask(lengths, source.shape[1]), final)

    def start(self, memory: State) -> State:
        """The state before the first step, a row for each sentence of the memory."""
        return self.decoder.start(memory)

    def initial_state(self, batch: int) -> State:
        """The state before the first step, of a decoder that begins alike whatever the source.

        Raises:
            ValueError: the decoder does not.
        """
        if self.decoder.sourced:
            raise ValueError("this decoder's first state depends on its source: start(memory)")
        return self.decoder.initial_state(batch)

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Tensor, int, State | None]:
        """The summed loss in nats, and the tokens it sums over. No state goes on to the next."""
        features = self.features(batch).index_select(0, batch.real)
        targets = batch.targets.t().flatten().index_select(0, batch.real)
        return self.readout.loss(features, targets), batch.tokens, None

    def log_probabilities(self, batch: Batch) -> Tensor:
        """Natural log-probability of every target, (batch, time); 0 at padding."""
        return score_targets(self.readout, self.features(batch), batch)

    def attend(self, batch: Batch) -> Tensor:
        """How the sources are looked at where the targets are given: (batch, heads, time, source).

        Row t is what the prediction of target t reads. Rows after a target's end mean nothing.

        Raises:
            ValueError: the decoder has no attention.
        """
        _, weights = self.decode(batch)
        if weights is None:
            raise ValueError("this decoder has no attention to look at")
        return weights

    def features(self, batch: Batch) -> Tensor:
        """What the readout reads, (time · batch, features)."""
        features, _ = self.decode(batch)
        dropped: Tensor = self.dropout(features)
        return dropped.flatten(0, 1)

    def decode(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """What the decoder gives for the targets, (time, batch, features), and its attention's
        weights, if it has one.
        """
        assert batch.source is not None
        assert batch.source_lengths is not None
        memory = self.encode(batch.source, batch.source_lengths)
        decoded: tuple[Tensor, Tensor | None] = self.decoder(
            self.target(batch.inputs), memory, lengths=batch.lengths
        )
        return decoded

    def advance(self, token: Tensor, state: State, memory: State) -> tuple[Tensor, State]:
        """One token a row, (rows,) -> logits (rows, vocabulary).

        Rows are sentences times beams; the memory, one a sentence, is shared by its beams.
        """
        features, state = self.decoder.step(self.target(token.unsqueeze(1)), state, memory)
        return self.readout(self.dropout(features).squeeze(0)), state
