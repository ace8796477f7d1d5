"""A tokenizer from text. The same lines give the same model, on any machine."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Literal

import sentencepiece

from seqlstm.errors import TokenizerError
from seqlstm.text.escaping import escape
from seqlstm.text.tokenizer import Tokenizer

ModelType = Literal["unigram", "bpe", "char", "word"]
Normalization = Literal["identity", "nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf"]

SPECIAL = 5  # padding, unknown, begin, end, newline
BYTES = 256

# SentencePiece sets a whole sentence aside for one of these (it uses them itself).
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
) -> Tokenizer:
    """Trains a SentencePiece model: padding 0, unknown 1, begin 2, end 3, newline 4.

    Args:
        lines: text, of any length; newlines inside are fine.
        model_type: unigram (Kudo, 2018), bpe (Sennrich, Haddow & Birch, 2016), char or word.
        vocab_size: how many ids, the special ones and the bytes included; at most so many if
            the type is char or word.
        character_coverage: the share of the text's characters that the alphabet must cover.
        normalization: `identity` keeps the text as it is; the others are SentencePiece's rules,
            which change characters and also drop superfluous spaces.
        input_sentence_size: learn from so many lines, drawn evenly from all.
        byte_fallback: what the vocabulary cannot spell becomes UTF-8 bytes, 256 ids of their own,
            for words of type word too. Without, it becomes the unknown id and is lost.
        split_digits: every digit is a piece of its own, so that numbers are spelt alike everywhere.
        closed_vocabulary: of type word: without byte fallback, and white space only separates
            words: a text is as many ids as it has words and newlines.

    Raises:
        TokenizerError: no text, a vocabulary too small or too large for it, or a closed one of
            another type than word.
    """
    if closed_vocabulary and model_type != "word":
        raise TokenizerError(f"a closed vocabulary is one of words, not of type {model_type}")
    byte_fallback = byte_fallback and not closed_vocabulary
    sentences = _choose(_sentences(lines), input_sentence_size)
    if not sentences:
        raise TokenizerError("no text to train a tokenizer on: every line is empty")
    smallest = SPECIAL + BYTES * byte_fallback + (model_type in ("char", "word"))
    if vocab_size < smallest:
        raise _too_small(vocab_size, smallest, byte_fallback)
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type=model_type,
            vocab_size=vocab_size,
            hard_vocab_limit=model_type in ("unigram", "bpe"),
            character_coverage=character_coverage,
            byte_fallback=byte_fallback,
            normalization_rule_name=normalization,
            remove_extra_whitespaces=closed_vocabulary or normalization != "identity",
            max_sentence_length=1 << 30,
            # A line begins like a word; in a model of characters that would be one id too many.
            split_digits=split_digits,
            add_dummy_prefix=model_type != "char",
            user_defined_symbols=["\n"],
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            # Corpora write <unk> themselves (WikiText does): that one is an ordinary word.
            unk_piece="<unknown>",
            unk_surface=" ⁇" if model_type == "word" else "⁇",
            num_threads=16,  # Part of the result: floats are summed in this many parts.
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _explain(str(error), vocab_size, byte_fallback) from error
    return Tokenizer(model.getvalue())


def _sentences(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from (part for part in BREAKS.split(escape(line)) if part.strip())


def _choose(sentences: Iterator[str], most: int) -> list[str]:
    """An even choice of at most so many, in one pass (reservoir sampling: Vitter, 1985)."""
    chosen = list(islice(sentences, most))
    draw = random.Random(0)
    for seen, sentence in enumerate(sentences, start=most + 1):
        place = draw.randrange(seen)
        if place < most:
            chosen[place] = sentence
    return chosen


def _explain(problem: str, vocab_size: int, byte_fallback: bool) -> TokenizerError:
    """SentencePiece's complaint, in words that name the setting and the value that would do."""
    if largest := re.search(r"Vocabulary size too high .*<= (\d+)", problem):
        return TokenizerError(
            f"a vocabulary of {vocab_size} is too large for this text",
            hint=f"The largest that it can give is vocab_size = {largest[1]}.",
        )
    if smallest := re.search(r"smaller than required_chars\. \d+ vs (\d+)", problem):
        return _too_small(vocab_size, int(smallest[1]), byte_fallback)
    return TokenizerError(f"SentencePiece cannot train this tokenizer: {problem}")


def _too_small(vocab_size: int, smallest: int, byte_fallback: bool) -> TokenizerError:
    counted = f"{SPECIAL} special ids" + (f" and {BYTES} bytes" if byte_fallback else "")
    return TokenizerError(
        f"a vocabulary of {vocab_size} is too small: {counted} and every character of the text's "
        "alphabet come first",
        hint=f"The smallest possible is vocab_size = {smallest}; a lower character_coverage makes "
        "the alphabet smaller.",
    )
