"""The translator: an encoder-decoder model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.models.attention import source_mask
from seqlstm.models.batch import Batch, ModelOutput
from seqlstm.models.decoders.base import AttentionDecoder, Decoder
from seqlstm.models.embedding import TokenEmbedding
from seqlstm.models.lexical import LexicalModule
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.models.output.target_scores import score_targets
from seqlstm.nn.dropout import Dropout
from seqlstm.recurrent.stack import LayerStack
from seqlstm.recurrent.state import State


class Translator(nn.Module):
    """An encoder-decoder model: embeddings, encoder, decoder, output layer.

    The state is that of the decoder. The memory is that of the decoder and, with a lexical module,
    the source embeddings.

    Args:
        source: embedding of the source.
        target: embedding of the target; it may be the same module.
        encoder: over the source embeddings, usually bidirectional.
        decoder: from target embeddings and the memory to features.
        output_layer: features to logits.
        dropout: on the output layer's inputs.
        variational: one dropout mask for a whole sequence, or one for each step.
        lexical: its features are concatenated to the decoder's.

    Raises:
        ValueError: a lexical module with a decoder without attention.
    """

    def __init__(
        self,
        *,
        source: TokenEmbedding,
        target: TokenEmbedding,
        encoder: LayerStack,
        decoder: Decoder,
        output_layer: OutputLayer,
        dropout: float = 0.0,
        variational: bool = True,
        lexical: LexicalModule | None = None,
    ) -> None:
        super().__init__()
        if lexical is not None and not isinstance(decoder, AttentionDecoder):
            raise ValueError("a lexical module needs attention weights: this decoder has none")
        self.source = source
        self.target = target
        self.encoder = encoder
        self.decoder = decoder
        self.dropout = Dropout(dropout, variational=variational)
        self.lexical = lexical
        self.output_layer = output_layer

    def encode(self, source: Tensor, lengths: Tensor) -> State:
        """The decoder's memory of sources (batch, time) of these lengths (batch,)."""
        has_bridge = self.decoder.bridge is not None
        embedded = self.source(source)
        encoded, final = self.encoder(embedded, lengths=lengths, return_state=has_bridge)
        memory = self.decoder.prepare(encoded, source_mask(lengths, source.shape[1]), final)
        if self.lexical is None:
            return memory, ()
        return memory, embedded.to(encoded.dtype).transpose(0, 1).contiguous()

    def start(self, memory: State) -> State:
        """The state before the first step, a row for each sentence of the memory."""
        return self.decoder.start(memory[0])

    def forward(self, batch: Batch, state: None = None) -> ModelOutput:
        """Features of a batch for the output layer, under teacher forcing.

        Sentences are independent, so there is no state before or after a batch.
        """
        features, _ = self.forward_decoder(batch)
        return ModelOutput(self.dropout(features), features, None)

    def log_probabilities(self, batch: Batch) -> Tensor:
        """Natural log-probability of every target, (batch, time); 0 at padding."""
        return score_targets(self.output_layer, self.features(batch), batch)

    def attention_weights(self, batch: Batch) -> Tensor:
        """Attention weights under teacher forcing, (batch, heads, time, source).

        Row t belongs to the prediction of target t. Rows at padding are undefined.

        Raises:
            ValueError: the decoder has no attention.
        """
        _, weights = self.forward_decoder(batch)
        if weights is None:
            raise ValueError("this decoder has no attention")
        return weights

    def features(self, batch: Batch) -> Tensor:
        """The output layer's inputs, (time · batch, features)."""
        features, _ = self.forward_decoder(batch)
        dropped: Tensor = self.dropout(features)
        return dropped.flatten(0, 1)

    def forward_decoder(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Teacher forcing: features (time, batch, features) and attention weights, if any."""
        assert batch.source is not None
        assert batch.source_lengths is not None
        memory, source_embeddings = self.encode(batch.source, batch.source_lengths)
        features, weights = self.decoder(self.target(batch.inputs), memory, lengths=batch.lengths)
        if self.lexical is not None:
            lexical = self.lexical(weights, source_embeddings).transpose(0, 1)
            features = torch.cat([features, lexical], dim=-1)
        return features, weights

    def advance(
        self, token: Tensor, state: State, memory: State
    ) -> tuple[Tensor, State, Tensor | None]:
        """One decoding step of rows, which are sentences times beams.

        Args:
            token: the last token of each row, (rows,).
            state: the decoder's, of all rows.
            memory: from `encode`, a row for each sentence, shared by the beams of the sentence.

        Returns:
            Logits (rows, vocabulary), the next state, and the attention weights
            (rows, heads, source); None where the decoder has no attention.
        """
        decoder_memory, source_embeddings = memory
        embedded = self.target(token.unsqueeze(1))
        features, state, weights = self.decoder.step(embedded, state, decoder_memory)
        if self.lexical is not None:
            assert weights is not None
            sentences = len(source_embeddings)
            by_sentence = weights.reshape(sentences, -1, *weights.shape[1:]).transpose(1, 2)
            lexical = self.lexical(by_sentence, source_embeddings).view(1, len(token), -1)
            features = torch.cat([features, lexical], dim=-1)
        return self.output_layer(self.dropout(features).squeeze(0)), state, weights
