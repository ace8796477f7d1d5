"""Symbols that a tokenizer keeps whole: lossless, never split, refused where they cannot be."""

from __future__ import annotations

import random
import re
from itertools import product

import pytest

from seqlstm.errors import TokenizerError
from seqlstm.text.escaping import ESCAPE, SPACE, escape
from seqlstm.text.streaming import TextStream
from seqlstm.text.symbols import find_matches, symbol_problem, symbols_to_keep
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train_tokenizer import train_tokenizer

from .conftest import SENTENCES

KEEP = ["{0}", "%s", "<b>", "<b>1", "a,b", '"q"', '<a href="x">', "ﬁ", "é", "12", "1", "the", "|"]
FRAGMENTS = [
    *KEEP,
    "▁",
    " ",
    "\n",
    ESCAPE,
    "_",
    "=",
    "x",
    "ß",
    "😀",
    "<",
    "b>",
    "<b",
    "{",
    "0}",
    "ﬀ",
]
KINDS = ("unigram", "bpe", "char")


@pytest.fixture(scope="module", params=KINDS)
def keeping(request: pytest.FixtureRequest) -> Tokenizer:
    lines = [*SENTENCES, *(f"x {symbol} y{symbol}z" for symbol in KEEP)]
    return train_tokenizer(lines, model_type=request.param, vocab_size=345, keep=KEEP)


def mixtures(count: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    return ["".join(generator.choices(FRAGMENTS, k=generator.randrange(12))) for _ in range(count)]


def test_any_text_with_symbols_survives(keeping: Tokenizer) -> None:
    beside = ["", "x", " ", "▁", ESCAPE, "\n", "1", "\r"]
    texts = [f"{left}{symbol}{right}" for left, symbol, right in product(beside, KEEP, beside)]
    texts += mixtures(2000, seed=1)
    assert keeping.decode_batch(keeping.encode_batch(texts)) == texts
    if keeping.model_type != "char":
        assert keeping.decode_batch(keeping.sample(texts, alpha=0.3, seed=2)) == texts


def test_symbols_are_whole_the_longest_first(keeping: Tokenizer) -> None:
    longest_first = sorted((symbol.replace(" ", SPACE) for symbol in KEEP), key=len)[::-1]
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    texts = [text for text in mixtures(1000, seed=3) if "\n" not in text]
    ways = [keeping.encode_batch(texts)]
    if keeping.model_type != "char":
        ways += [keeping.sample(texts, alpha=alpha, seed=4) for alpha in (0.1, 0.9)]
    for way in ways:
        for text, ids in zip(texts, way, strict=True):
            pieces = [piece for piece in keeping.pieces(ids) if piece in keeping.symbols]
            assert pieces == pattern.findall(escape(text).replace(" ", SPACE))


def test_a_stream_of_symbols_is_the_text(keeping: Tokenizer) -> None:
    for text in mixtures(300, seed=5):
        stream = TextStream(keeping)
        assert "".join([*map(stream.push, keeping.encode(text)), stream.flush()]) == text


@pytest.mark.parametrize("kind", KINDS)
def test_symbols_that_are_parts_of_our_escapes(kind: str) -> None:
    keeping = train_tokenizer(SENTENCES, model_type=kind, vocab_size=330, keep=["_", "="])  # type: ignore[arg-type]
    for text in (f"▁ {ESCAPE} ▁_={ESCAPE}_", "a_b=c", f"{ESCAPE}=", "__=="):
        assert keeping.decode(keeping.encode(text)) == text


def test_no_normalization_changes_a_symbol() -> None:
    keeping = train_tokenizer(
        [*SENTENCES, "oﬁce ＡＢ"],
        model_type="unigram",
        vocab_size=335,
        normalization="nmt_nfkc_cf",
        keep=["ﬁ", "<B>", "Ａ"],
    )
    assert keeping.decode(keeping.encode("ＢoﬁceＡ <B> <I>ﬀ")) == "boﬁceＡ <B> <i>ff"


def test_a_model_without_symbols_is_as_it_was(tokenizers: dict[str, Tokenizer]) -> None:
    same = train_tokenizer(SENTENCES, model_type="bpe", vocab_size=330, keep=[])
    assert same.fingerprint == tokenizers["bpe"].fingerprint
    assert same.symbols == {}


@pytest.mark.parametrize(
    ("symbol", "problem"),
    [
        ("", "empty"),
        (" x", "white space"),
        ("x\t", "white space"),
        ("a\nb", "a newline"),
        ("a▁b", "▁"),
        (f"{ESCAPE}x", "U\\+10FFFD"),
        ("a\0", "a null"),
        ("<s>", "special piece"),
        ("<0x41>", "special piece"),
        ("\ud800", "Unicode"),
    ],
)
def test_what_cannot_be_a_symbol_is_refused(symbol: str, problem: str) -> None:
    assert symbol_problem(symbol) is not None
    with pytest.raises(TokenizerError, match=problem):
        train_tokenizer(SENTENCES, model_type="bpe", vocab_size=330, keep=["ok", symbol])


def test_settings_that_cannot_keep_symbols() -> None:
    with pytest.raises(TokenizerError, match="white space only"):
        train_tokenizer(SENTENCES, model_type="word", vocab_size=330, keep=["<b>"])
    with pytest.raises(TokenizerError, match='needs normalization = "identity"'):
        train_tokenizer(
            SENTENCES, model_type="bpe", vocab_size=330, normalization="nfkc", keep=["a b"]
        )


def test_symbols_count_in_the_vocabulary() -> None:
    keep = [f"<{number}>" for number in range(100)]
    with pytest.raises(TokenizerError, match="256 bytes and 100 symbols"):
        train_tokenizer(SENTENCES, model_type="bpe", vocab_size=300, keep=keep)


# --- Patterns ------------------------------------------------------------------------------------


def test_matches_are_counted_over_all_patterns() -> None:
    lines = ["<b>{0}</b> {1}", "{0} <b>", "{10} <s> x"]
    found = find_matches(lines, [r"\{\d+\}", r"</?\w+>"], limit=3, normalization="identity")
    assert found.symbols == ["<b>", "{0}", "</b>"]
    assert found.found == 6
    assert found.unusable == ["<s>"]
    assert found.note() == (
        "3 of 6 matches of keep_patterns are symbols; 1 cannot be "
        "('<s>': it is the name of a special piece)"
    )


def test_matches_with_spaces_need_identity() -> None:
    lines = ['<a href="x">']
    assert find_matches(lines, ["<[^>]+>"], limit=9, normalization="nfkc").symbols == []
    assert find_matches(lines, ["<[^>]+>"], limit=9, normalization="identity").symbols == lines


def test_matches_take_a_quarter_of_the_vocabulary() -> None:
    lines = [f"{{{number}}}" for number in range(500)]
    symbols, note = symbols_to_keep(
        lines, keep=["%s"], patterns=[r"\{\d+\}"], vocab_size=400, normalization="identity"
    )
    assert len(symbols) == 1 + (400 - 5 - 256 - 1) // 4
    assert note.startswith("34 of 500 matches")
    assert symbols_to_keep([], keep=["x"], patterns=(), vocab_size=9, normalization="nfkc") == (
        ["x"],
        "",
    )
