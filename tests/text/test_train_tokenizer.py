"""Training of tokenizers: deterministic, silent, with clear errors."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from seqlstm.errors import TokenizerError
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train_tokenizer import _sample_sentences, train_tokenizer

from .conftest import KINDS, SENTENCES


@pytest.mark.parametrize("kind", KINDS)
def test_same_lines_same_model_in_any_process(kind: str, tokenizers: dict[str, Tokenizer]) -> None:
    source = (
        "import json, sys; from seqlstm.text.train_tokenizer import train_tokenizer;"
        "lines, kind = json.load(sys.stdin);"
        "print(train_tokenizer(lines, model_type=kind, vocab_size=330).fingerprint)"
    )
    run = subprocess.run(
        [sys.executable, "-c", source],
        input=json.dumps([SENTENCES, kind]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == tokenizers[kind].fingerprint
    assert run.stderr == ""


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("byte_fallback", [True, False])
def test_largest_and_smallest_vocabulary(kind: str, byte_fallback: bool) -> None:
    def train(vocabulary: int) -> Tokenizer:
        return train_tokenizer(
            SENTENCES,
            model_type=kind,  # type: ignore[arg-type]
            vocab_size=vocabulary,
            byte_fallback=byte_fallback,
        )

    for wrong, name in ((100_000, "largest"), (300 if byte_fallback else 20, "smallest")):
        with pytest.raises(TokenizerError, match=f"vocabulary of {wrong} is too") as caught:
            train(wrong)
        named = re.search(rf"{name} .*vocab_size = (\d+)", str(caught.value))
        assert named is not None
        limit = int(named[1])
        assert train(limit).vocab_size == limit
        with pytest.raises(TokenizerError):
            train(limit + (1 if name == "largest" else -1))


@pytest.mark.parametrize("kind", KINDS)
def test_vocabulary_without_room_for_the_special_ids(kind: str) -> None:
    with pytest.raises(TokenizerError, match="5 special ids and 256 bytes"):
        train_tokenizer(SENTENCES, model_type=kind, vocab_size=200)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["char", "word"])
def test_vocabulary_is_a_maximum(kind: str) -> None:
    for most in (280, 5000):
        trained = train_tokenizer(SENTENCES, model_type=kind, vocab_size=most)  # type: ignore[arg-type]
        assert trained.vocab_size == most or (most == 5000 and trained.vocab_size < 500)


@pytest.mark.parametrize("lines", [[], ["", "\n", "  \n "]])
def test_no_text(lines: list[str]) -> None:
    with pytest.raises(TokenizerError, match="no text to train"):
        train_tokenizer(lines, model_type="bpe", vocab_size=300)


def test_unknown_normalisation() -> None:
    with pytest.raises(TokenizerError, match="SentencePiece cannot train"):
        train_tokenizer(SENTENCES, model_type="bpe", vocab_size=330, normalization="other")  # type: ignore[arg-type]


def test_unknown_words_and_characters_without_bytes() -> None:
    known = [sentence for sentence in SENTENCES if "<unk>" not in sentence]
    word = train_tokenizer(known, model_type="word", vocab_size=100, byte_fallback=False)
    ids = word.encode("Nobody sells green cheese in the evening;\nagain")
    assert [id == word.unknown for id in ids] == [False] * 2 + [True] * 2 + [False] * 4 + [True]
    assert word.decode(ids) == "Nobody sells ⁇ ⁇ in the evening;\n⁇"
    char = train_tokenizer(SENTENCES, model_type="char", vocab_size=100, byte_fallback=False)
    assert char.decode(char.encode("the €vening")) == "the ⁇vening"


def test_a_closed_vocabulary_counts_words_and_newlines() -> None:
    word = train_tokenizer(SENTENCES, model_type="word", vocab_size=500, closed_vocabulary=True)
    words = {word_of_text for sentence in SENTENCES for word_of_text in sentence.split()}
    assert {f"▁{word_of_text}" for word_of_text in words} <= set(
        word.pieces(range(word.vocab_size))
    )
    text = "  Nobody sells   <unk> letters \n\n in the evening; "
    ids = word.encode(text)
    assert len(ids) == len(text.split()) + text.count("\n")
    assert word.decode(ids) == "Nobody sells <unk> letters\n\nin the evening;"
    assert word.closed_vocabulary
    assert not train_tokenizer(SENTENCES, model_type="word", vocab_size=500).closed_vocabulary


def test_unknown_words_of_a_closed_vocabulary_become_its_unk() -> None:
    word = train_tokenizer(SENTENCES, model_type="word", vocab_size=500, closed_vocabulary=True)
    written, lacking = word.encode("Nobody sells <unk>"), word.encode("Nobody sells cheese")
    assert written == lacking
    assert word.unknown not in written


def test_a_closed_vocabulary_is_one_of_words() -> None:
    with pytest.raises(TokenizerError, match="of words, not of type bpe"):
        train_tokenizer(SENTENCES, model_type="bpe", vocab_size=330, closed_vocabulary=True)


@pytest.mark.parametrize("kind", KINDS)
def test_training_on_unusual_text(kind: str) -> None:
    odd = "<s>x</s> <s><unknown><pad><0x41> \0 ▅ ▁ \t \r x\u2028y zebra"
    lines = [odd] * 50 + ["\n".join(SENTENCES)] + [" ".join(SENTENCES) * 3]
    tokenizer = train_tokenizer(lines, model_type=kind, vocab_size=325)  # type: ignore[arg-type]
    assert tokenizer.decode(tokenizer.encode(odd)) == odd
    # No line was set aside: letters of the odd one and of the very long ones are known.
    known = set("".join(tokenizer.pieces(range(tokenizer.vocab_size))))
    assert {"z", "g", "…"} <= known


def test_text_that_is_one_long_line_is_used() -> None:
    whole = train_tokenizer([" ".join(SENTENCES)], model_type="word", vocab_size=330)
    apart = train_tokenizer(SENTENCES, model_type="word", vocab_size=330)
    ids = range(whole.vocab_size)
    assert set(whole.pieces(ids)) == set(apart.pieces(range(apart.vocab_size)))


def test_normalization_changes_text() -> None:
    unchanged = train_tokenizer(SENTENCES, model_type="bpe", vocab_size=330)
    changed = train_tokenizer(
        SENTENCES, model_type="bpe", vocab_size=330, normalization="nmt_nfkc_cf"
    )
    text = " The  ﬁrst\nＬantern "
    assert unchanged.decode(unchanged.encode(text)) == text
    assert changed.decode(changed.encode(text)) == "the first\nlantern"


def test_the_sample_of_sentences_is_uniform_and_bounded() -> None:
    lines = [str(number) for number in range(1000)]
    chosen = _sample_sentences(iter(lines), 100)
    assert len(set(chosen)) == 100
    assert set(chosen) <= set(lines)
    assert chosen == _sample_sentences(iter(lines), 100)
    assert 400 < sum(map(int, chosen)) / 100 < 600
    assert _sample_sentences(iter(lines), 1000) == _sample_sentences(iter(lines), 9999) == lines
