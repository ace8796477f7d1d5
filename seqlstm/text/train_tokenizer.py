"""Training of SentencePiece tokenizers, deterministic on every machine."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import sentencepiece

from seqlstm.errors import TokenizerError
from seqlstm.text.escaping import escape
from seqlstm.text.model_type import (
    BYTES,
    SPECIAL_IDS,
    SUBWORD_TYPES,
    ModelType,
    Normalization,
)
from seqlstm.text.symbols import as_pieces
from seqlstm.text.tokenizer import Tokenizer

LARGE_VOCABULARY = 2**21  # more than there are characters
# SentencePiece skips sentences that contain one of these characters.
BREAKS = re.compile("[\n\0▅]")


def train_tokenizer(
    lines: Iterable[str],
    *,
    model_type: ModelType,
    vocab_size: int,
    character_coverage: float = 1.0,
    normalization: Normalization = "identity",
    input_sentence_size: int = 1_000_000,
    byte_fallback: bool = True,
    split_digits: bool = False,
    closed_vocabulary: bool = False,
    keep: Sequence[str] = (),
) -> Tokenizer:
    """Train a SentencePiece model with the ids padding 0, unknown 1, begin 2, end 3, newline 4.

    Args:
        lines: text, of any length; newlines inside are fine.
        model_type: unigram (Kudo, 2018), bpe (Sennrich, Haddow & Birch, 2016), char or word.
        vocab_size: number of ids, special ids and bytes included; for types char and word, a
            maximum.
        character_coverage: the share of the text's characters that the alphabet must cover.
        normalization: `identity` keeps the text unchanged; the others are SentencePiece's rules,
            which change characters and remove extra spaces.
        input_sentence_size: train on a uniform random sample of at most this many lines.
        byte_fallback: encode characters outside the vocabulary (for type word, words) as UTF-8
            bytes, which have 256 ids; otherwise they become the unknown id and are lost.
        split_digits: make every digit a piece, so that all numbers are segmented in the same way.
        closed_vocabulary: for type word only: no byte fallback, and white space is not encoded, so
            a text has as many ids as words and newlines.
        keep: symbols that are never split: each is a piece wherever it appears, the longest first,
            and no normalization changes it. Not for type word.

    Raises:
        TokenizerError: there is no text, the vocabulary is too small or too large for it, a
            closed vocabulary is not of type word, or a text cannot be a symbol.
    """
    if closed_vocabulary and model_type != "word":
        raise TokenizerError(f"a closed vocabulary is one of words, not of type {model_type}")
    symbols = as_pieces(keep, model_type=model_type, normalization=normalization)
    byte_fallback = byte_fallback and not closed_vocabulary
    sentences = _sample_sentences(_sentences(lines), input_sentence_size)
    if not sentences:
        raise TokenizerError("no text to train a tokenizer on: every line is empty")
    if model_type not in SUBWORD_TYPES and vocab_size > LARGE_VOCABULARY:
        # SentencePiece's time grows with a maximum, even if the text cannot reach it.
        vocab_size = min(vocab_size, max(LARGE_VOCABULARY, sum(map(len, sentences))))
    reserved = SPECIAL_IDS + BYTES * byte_fallback + len(symbols)
    smallest = reserved + (model_type in ("char", "word"))
    if vocab_size < smallest:
        raise _too_small(vocab_size, smallest, byte_fallback, len(symbols))
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type=model_type,
            vocab_size=vocab_size,
            hard_vocab_limit=model_type in SUBWORD_TYPES,
            character_coverage=character_coverage,
            byte_fallback=byte_fallback,
            normalization_rule_name=normalization,
            remove_extra_whitespaces=closed_vocabulary or normalization != "identity",
            max_sentence_length=1 << 30,
            split_digits=split_digits,
            # A space at the start of every line; in a model of characters it would cost an id.
            add_dummy_prefix=model_type != "char",
            user_defined_symbols=["\n", *symbols],
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            # In corpora that contain <unk>, such as WikiText, <unk> remains an ordinary word.
            unk_piece="<unknown>",
            unk_surface=" ⁇" if model_type == "word" else "⁇",
            num_threads=16,  # Affects the model: floats are summed in this many parts.
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _explain(str(error), vocab_size, byte_fallback, len(symbols)) from error
    return Tokenizer(model.getvalue())


def _sentences(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from (part for part in BREAKS.split(escape(line)) if part.strip())


def _sample_sentences(sentences: Iterator[str], size: int) -> list[str]:
    """Reservoir sampling (Vitter, 1985): a uniform sample of at most `size`, in one pass."""
    reservoir = list(islice(sentences, size))
    generator = random.Random(0)
    for count, sentence in enumerate(sentences, start=size + 1):
        index = generator.randrange(count)
        if index < size:
            reservoir[index] = sentence
    return reservoir


def _explain(problem: str, vocab_size: int, byte_fallback: bool, symbols: int) -> TokenizerError:
    """The TokenizerError for an error of SentencePiece, with a setting that works as its hint."""
    if largest := re.search(r"Vocabulary size too high .*<= (\d+)", problem):
        return TokenizerError(
            f"a vocabulary of {vocab_size} is too large for this text",
            hint=f"The largest that it can give is vocab_size = {largest[1]}.",
        )
    if smallest := re.search(r"smaller than required_chars\. \d+ vs (\d+)", problem):
        return _too_small(vocab_size, int(smallest[1]), byte_fallback, symbols)
    return TokenizerError(f"SentencePiece cannot train this tokenizer: {problem}")


def _too_small(vocab_size: int, smallest: int, byte_fallback: bool, symbols: int) -> TokenizerError:
    reserved = f"{SPECIAL_IDS} special ids" + (f" and {BYTES} bytes" if byte_fallback else "")
    reserved += f" and {symbols} symbols" if symbols else ""
    return TokenizerError(
        f"a vocabulary of {vocab_size} is too small: {reserved} and every character of the text's "
        "alphabet come first",
        hint=f"The smallest possible is vocab_size = {smallest}; a lower character_coverage makes "
        "the alphabet smaller.",
    )
