"""Random segmentation of a line: its user-defined symbols whole, the words between them sampled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import sentencepiece

from seqlstm.errors import TokenizerError
from seqlstm.text.escaping import word_splitter
from seqlstm.text.model_type import SUBWORD_TYPES, ModelType
from seqlstm.text.subword_regularization import (
    BPEDropoutSampler,
    PieceInventory,
    Uniform,
    UnigramSampler,
)


class LineSampler:
    """A sampler of whole lines.

    SentencePiece's own unigram sampler, other than its encoding, can split user-defined symbols.

    Args:
        inventory: the pieces of words.
        symbols: ids of the user-defined symbols.
        sample_word: the sampler of a word.
    """

    def __init__(
        self,
        inventory: PieceInventory,
        symbols: Mapping[str, int],
        sample_word: UnigramSampler | BPEDropoutSampler,
    ) -> None:
        self._split = word_splitter(inventory.scores, symbols)
        self._symbols = symbols
        self._sample_word = sample_word

    def __call__(self, line: str, uniform: Uniform) -> list[int]:
        """The ids of a random segmentation of a normalized line."""
        symbols, sample_word, ids = self._symbols, self._sample_word, []
        for word in self._split(line):
            if word in symbols:
                ids.append(symbols[word])
            else:
                ids += sample_word(word, uniform)
        return ids


def any_overlap(symbols: Collection[str]) -> bool:
    """Whether two occurrences of symbols can share characters of a text."""
    whole = set(symbols)
    beginnings = {symbol[:end] for symbol in whole for end in range(1, len(symbol) + 1)}
    return any(
        (start > 0 and symbol[start:] in beginnings)
        or any(
            symbol[start:end] in whole
            for end in range(start + 1, len(symbol) + 1)
            if end - start < len(symbol)
        )
        for symbol in whole
        for start in range(len(symbol))
    )


def build_sampler(
    model: sentencepiece.SentencePieceProcessor,
    model_type: ModelType,
    symbols: Mapping[str, int],
    *,
    alpha: float,
    spell: Callable[[str], list[int]],
) -> LineSampler:
    """The sampler of a model's lines.

    Args:
        model: the SentencePiece model.
        model_type: its type.
        symbols: ids of its user-defined symbols.
        alpha: as of `Tokenizer.sample`.
        spell: as of `PieceInventory`.

    Raises:
        TokenizerError: the model is neither unigram nor bpe.
    """
    if model_type not in SUBWORD_TYPES:
        raise TokenizerError(
            f"a {model_type} tokenizer has one segmentation of a text: none can be sampled",
            hint="Subword sampling needs a tokenizer of type unigram or bpe.",
        )
    text = {
        model.id_to_piece(id): id
        for id in range(model.get_piece_size())
        if not (model.is_control(id) or model.is_unknown(id) or model.is_byte(id))
    }
    unused = frozenset(piece for piece, id in text.items() if model.is_unused(id))
    whole = unused | symbols.keys()
    ids = {piece: id for piece, id in text.items() if piece not in whole}
    # Merges of bpe lead through unused pieces; a segmentation of unigram cannot have them.
    known = ids if model_type == "unigram" else {**ids, **{piece: text[piece] for piece in unused}}
    scores = {piece: model.get_score(id) for piece, id in known.items()}
    inventory = PieceInventory(scores, ids, spell, unused)
    sampler = UnigramSampler if model_type == "unigram" else BPEDropoutSampler
    return LineSampler(inventory, symbols, sampler(inventory, alpha))
