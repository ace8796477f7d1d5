"""A model of translation: what comes next, given a source."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.models.attention import Attention, Memory, source_mask
from seqlstm.models.batch import Batch
from seqlstm.models.embedding import TokenEmbedding
from seqlstm.models.language_model import score_targets
from seqlstm.models.readout import Readout
from seqlstm.recurrent.stack import Dropout, Layers
from seqlstm.recurrent.state import State


class Translator(nn.Module):
    """TokenEmbedding - Stack - attention - Stack - Readout.

    The decoder is parallel over time (Wu et al., 2016, as its authors later trained it): its first
    layer reads the embeddings alone, its outputs query the attention, and the context joins the
    inputs of every later layer and of the readout at the same step. So, with the target known, each
    layer is one call over the whole sentence, and attention one batched product.

    The state is the pair of the decoder's two stacks' states; the memory is keys, values and mask.

    Args:
        source: embedding of the source.
        target: embedding of the target; it may be the same module.
        encoder: over the source, in both directions as a rule.
        first: the decoder below the attention.
        attention: queried by `first`, over the encoder's outputs.
        rest: the decoder above the attention.
        readout: reads the decoder's output and the context.
        between: dropout between the parts: on the memory, and on what `rest` reads.
        dropout: on what the readout reads.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        *,
        source: TokenEmbedding,
        target: TokenEmbedding,
        encoder: Layers,
        first: Layers,
        attention: Attention,
        rest: Layers,
        readout: Readout,
        between: float = 0.0,
        dropout: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__()
        self.source = source
        self.target = target
        self.encoder = encoder
        self.first = first
        self.attention = attention
        self.rest = rest
        self.between = Dropout(between, variational=variational)
        self.dropout = Dropout(dropout, variational=variational)
        self.readout = readout

    def initial_state(self, batch: int) -> State:
        return self.first.initial_state(batch), self.rest.initial_state(batch)

    def encode(self, source: Tensor, lengths: Tensor) -> Memory:
        """What the decoder may read of sources (batch, time) of these lengths (batch,)."""
        encoded, _ = self.encoder(self.source(source), lengths=lengths, last=False)
        # The one place where features turn batch-first: attention's products are batched.
        encoded = self.between(encoded).transpose(0, 1).contiguous()
        return self.attention.prepare(encoded, source_mask(lengths, source.shape[1]))

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
        """
        assert batch.source is not None
        assert batch.source_lengths is not None
        memory = self.encode(batch.source, batch.source_lengths)
        queries, _ = self.first(self.target(batch.inputs), lengths=batch.lengths, last=False)
        return self.attention.weights(queries.transpose(0, 1), memory)

    def features(self, batch: Batch) -> Tensor:
        """What the readout reads, (time · batch, decoder + memory)."""
        assert batch.source is not None
        assert batch.source_lengths is not None
        memory = self.encode(batch.source, batch.source_lengths)
        queries, _ = self.first(self.target(batch.inputs), lengths=batch.lengths, last=False)
        context = self.attention(queries.transpose(0, 1), memory).transpose(0, 1)
        features, _ = self.rest(
            self.between(queries), lengths=batch.lengths, last=False, context=context
        )
        return self.read(features, context).flatten(0, 1)

    def advance(self, token: Tensor, state: State, memory: State) -> tuple[Tensor, State]:
        """One token a row, (rows,) -> logits (rows, vocabulary).

        Rows are sentences times beams; the memory, one a sentence, is shared by its beams.
        """
        below, above = state
        queries, below = self.first(self.target(token.unsqueeze(1)), below)
        beams = queries.view(len(memory[0]), -1, queries.shape[-1])  # (sentences, beams, query)
        context = self.attention(beams, memory).view(1, len(token), -1)
        features, above = self.rest(queries, above, context=context)
        return self.readout(self.read(features, context).squeeze(0)), (below, above)

    def read(self, features: Tensor, context: Tensor) -> Tensor:
        joined: Tensor = self.dropout(torch.cat([features, context], dim=-1))
        return joined
