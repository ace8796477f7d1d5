"""A small tokenizer of every type, trained once on generated sentences."""

from __future__ import annotations

from itertools import product

import pytest

from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train_tokenizer import train_tokenizer

WHO = ("The gardener", "A neighbour's daughter", "Nobody", "My oldest friend", "El niño")
DOES = ("plants", "remembers", "is counting", "was carrying", "sells")
WHAT = ("42 tulips", "the unbreakable lantern", "rain-soaked letters", "nothing at all", "<unk>")
WHERE = ("behind the church.", "in the evening;", "(again)…", "near Zürich!")
SENTENCES = [" ".join(words) for words in product(WHO, DOES, WHAT, WHERE)]

KINDS = ("unigram", "bpe", "char", "word")
VOCABULARY = 330


@pytest.fixture(scope="session")
def tokenizers() -> dict[str, Tokenizer]:
    return {
        kind: train_tokenizer(SENTENCES, model_type=kind, vocab_size=VOCABULARY)  # type: ignore[arg-type]
        for kind in KINDS
    }


@pytest.fixture(params=KINDS)
def tokenizer(request: pytest.FixtureRequest, tokenizers: dict[str, Tokenizer]) -> Tokenizer:
    return tokenizers[request.param]


@pytest.fixture(params=("unigram", "bpe"))
def subword(request: pytest.FixtureRequest, tokenizers: dict[str, Tokenizer]) -> Tokenizer:
    return tokenizers[request.param]
