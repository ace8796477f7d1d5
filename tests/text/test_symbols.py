"""User-defined symbols of any SentencePiece model are whole in every draw, and nothing special is
drawn; draws have the distribution of SentencePiece's own sampler."""

from __future__ import annotations

import io
import math
import random
import re
from collections import Counter
from collections.abc import Iterable

import pytest
import sentencepiece

from seqlstm.text.escaping import SPACE
from seqlstm.text.model_type import PIECE, PIECES, _fields, read_user_defined
from seqlstm.text.tokenizer import Tokenizer

from .conftest import SENTENCES

USER_DEFINED = ["<b>", "<b>1", "{0}", "%s", f"to{SPACE}be", f"{SPACE}cat", "lant"]
CONTROL = ["<ctl>", "w", "sells"]
TAGGED = [
    "a <b>lantern</b> and %s in {0}",
    "<b><b>1x<b>",
    "cat  cats, a cat to be or not to bed",
    "x{0}{0}%s%%s",
    " lantern  <b> ",
]
SPECIAL = ["<s> a </s> <unk> <ctl> <0x41><pad>", "w sells ww", "日本 <b>日</b>"]


def model_of(model_type: str, *, byte_fallback: bool = False, **options: object) -> Tokenizer:
    """A model trained by SentencePiece with its own defaults."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=model,
        model_type=model_type,
        vocab_size=340 if byte_fallback else 90,
        hard_vocab_limit=False,
        byte_fallback=byte_fallback,
        minloglevel=2,
        **options,
    )
    return Tokenizer(model.getvalue())


@pytest.fixture(params=["unigram", "bpe"])
def model_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["unknown", "bytes"])
def foreign(model_type: str, request: pytest.FixtureRequest) -> Tokenizer:
    return model_of(
        model_type,
        byte_fallback=request.param,
        user_defined_symbols=USER_DEFINED,
        control_symbols=CONTROL,
    )


def symbols_in(text: str, tokenizer: Tokenizer) -> list[str]:
    """The symbols of a normalized text, the longest first, by a regular expression."""
    longest_first = sorted(tokenizer.symbols, key=len, reverse=True)
    normalized = tokenizer._processor.normalize(text)
    return re.findall("|".join(map(re.escape, longest_first)), normalized)


def drawn_symbols(ids: Iterable[int], tokenizer: Tokenizer) -> list[str]:
    return [piece for piece in tokenizer.pieces(ids) if piece in tokenizer.symbols]


def test_the_symbols_of_a_model_are_read(foreign: Tokenizer) -> None:
    assert list(foreign.symbols) == read_user_defined(foreign.model) == USER_DEFINED
    assert foreign.pieces(foreign.symbols.values()) == USER_DEFINED


def test_no_draw_splits_a_tag(model_type: str) -> None:
    """500 of 500 draws of BPE-dropout once did."""
    tokenizer = model_of(model_type, user_defined_symbols=["<b>"])
    for draws in (
        tokenizer.sample(["the <b>lantern"] * 500, alpha=0.1, seed=1),
        tokenizer.sample(["the <b>lantern"] * 500, alpha=0.9, seed=2),
    ):
        assert all(ids.count(tokenizer.symbols["<b>"]) == 1 for ids in draws)


@pytest.mark.parametrize("alpha", [0.05, 0.5, 0.95])
def test_draws_have_the_symbols_and_the_text_that_encoding_has(
    foreign: Tokenizer, alpha: float
) -> None:
    texts = [*TAGGED, *SPECIAL, *SENTENCES[:20]]
    encoded = foreign.encode_batch(texts)
    for seed in range(20):
        for text, best, ids in zip(
            texts, encoded, foreign.sample(texts, alpha=alpha, seed=seed), strict=True
        ):
            assert drawn_symbols(ids, foreign) == symbols_in(text, foreign)
            assert drawn_symbols(best, foreign) == symbols_in(text, foreign)
            assert foreign.decode(ids) == foreign.decode(best)


def test_control_and_byte_pieces_are_not_drawn_from_their_names(foreign: Tokenizer) -> None:
    names = ["<s>", "</s>", "<ctl>", "<0x41>", "sells", "w", "<unk>"]
    ids_of_names = {foreign._processor.piece_to_id(name) for name in names} - {foreign.unknown}
    bytes_of_w = {foreign._processor.piece_to_id(f"<0x{ord(c):02X}>") for c in "w"}
    for seed in range(50):
        for ids in foreign.sample(SPECIAL, alpha=0.2, seed=seed):
            assert not ids_of_names & set(ids) - bytes_of_w
    plain = SPECIAL[0].replace("<s>", "").replace("</s>", "")
    assert foreign.decode(foreign.sample([plain], alpha=0.3, seed=1)[0]) == foreign.decode(
        foreign.encode(plain)
    )


def test_overlapping_symbols_match_from_the_left_the_longest_first() -> None:
    """SentencePiece's unigram encoding prefers many short symbols: `bada` as b, ad and a."""
    generator = random.Random(1)
    for model_type in ("unigram", "bpe"):
        for _ in range(5):
            symbols = {
                "".join(generator.choices("inthe ", k=generator.randint(1, 5))).strip()
                for _ in range(8)
            } - {""}
            tokenizer = model_of(
                model_type, user_defined_symbols=[s.replace(" ", SPACE) for s in sorted(symbols)]
            )
            texts = ["".join(generator.choices("inthe r", k=15)) for _ in range(100)]
            for ids, text in [
                *zip(tokenizer.encode_batch(texts), texts, strict=True),
                *zip(tokenizer.sample(texts, alpha=0.2, seed=1), texts, strict=True),
            ]:
                assert drawn_symbols(ids, tokenizer) == symbols_in(text, tokenizer)
                assert tokenizer.decode(ids) == tokenizer.decode(tokenizer.encode(text))


# --- In distribution -----------------------------------------------------------------------------

DRAWS = 10_000


def retyped(model: bytes, pieces: Iterable[str], new_type: int) -> bytes:
    """The model with another type of some pieces, of which SentencePiece's trainer makes none."""
    changed = b""
    for number, value in _fields(model):
        assert isinstance(value, bytes)
        if number == PIECES and dict(_fields(value))[PIECE].decode() in pieces:  # type: ignore[union-attr]
            value = value + bytes([3 << 3, new_type])  # the last value of a field counts
        changed += bytes([number << 3 | 2]) + varint(len(value)) + value
    return changed


def varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def same_distribution(ours: Counter[tuple[str, ...]], theirs: Counter[tuple[str, ...]]) -> bool:
    """A chi-square test of two samples; equal distributions fail once in a million times.

    The bound of a chi-square variable with d degrees of freedom is that of Laurent and Massart
    (2000): P(X >= d + 2 sqrt(d x) + 2 x) <= exp(-x). Outcomes with fewer than ten draws are one.
    """
    sizes = sum(ours.values()), sum(theirs.values())
    common = [key for key in ours | theirs if ours[key] + theirs[key] >= 10]
    cells = [(ours[key], theirs[key]) for key in common]
    rest = tuple(size - sum(cell[side] for cell in cells) for side, size in enumerate(sizes))
    cells += [rest] if sum(rest) else []
    total = sum(sizes)
    statistic = sum(
        (cell[side] - sum(cell) * sizes[side] / total) ** 2 / (sum(cell) * sizes[side] / total)
        for cell in cells
        for side in (0, 1)
    )
    freedom, x = len(cells) - 1, math.log(1e6)
    return statistic <= freedom + 2 * math.sqrt(freedom * x) + 2 * x


def ours(tokenizer: Tokenizer, text: str, alpha: float) -> Counter[tuple[str, ...]]:
    return Counter(map(tuple, tokenizer.sample([text] * DRAWS, alpha=alpha, seed=5)))  # type: ignore[arg-type]


def theirs(tokenizer: Tokenizer, text: str, alpha: float) -> Counter[tuple[str, ...]]:
    """SentencePiece's draws, of which those with split symbols are left out."""
    sentencepiece.set_random_generator_seed(5)
    draws = tokenizer._processor.encode(
        [text] * DRAWS, enable_sampling=True, alpha=alpha, nbest_size=-1
    )
    expected = symbols_in(text, tokenizer)
    return Counter(tuple(ids) for ids in draws if drawn_symbols(ids, tokenizer) == expected)


def test_the_test_of_distributions_can_fail(foreign: Tokenizer) -> None:
    text = "the evening <b>tulips"
    assert not same_distribution(ours(foreign, text, 0.5), theirs(foreign, text, 0.1))


@pytest.mark.parametrize("byte_fallback", [False, True])
@pytest.mark.parametrize("text", ["tulips<b>1sells", "a<b>nothing w{0}", "to be %sevening"])
@pytest.mark.parametrize("alpha", [0.2, 0.6])
def test_unigram_draws_as_sentencepiece(text: str, alpha: float, byte_fallback: bool) -> None:
    """Of SentencePiece's draws, those in which no symbol is split."""
    tokenizer = model_of(
        "unigram",
        byte_fallback=byte_fallback,
        user_defined_symbols=USER_DEFINED,
        control_symbols=CONTROL,
    )
    reference = theirs(tokenizer, text, alpha)
    assert sum(reference.values()) > DRAWS / 100
    assert same_distribution(ours(tokenizer, text, alpha), reference)


def chain_of_merges(*, byte_fallback: bool, symbols: list[str], control: list[str]) -> Tokenizer:
    """A bpe model in which at most one merge is possible at a time: ab, abc, abcd.

    There a dropped merge has no second trial after another one, as it has in the paper's algorithm
    and has not in SentencePiece: both have the same distribution.
    """
    model = io.BytesIO()
    characters = [*"abcd1<>s"]
    vocab_size = 3 + len(symbols) + len(control) + 256 * byte_fallback + len(characters) + 3
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["ab"] * 90 + ["abc"] * 50 + ["abcd"] * 20 + characters),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocab_size,
        byte_fallback=byte_fallback,
        user_defined_symbols=symbols,
        control_symbols=control,
        add_dummy_prefix=False,
        minloglevel=2,
    )
    return Tokenizer(model.getvalue())


@pytest.mark.parametrize("byte_fallback", [False, True])
@pytest.mark.parametrize("text", ["abcd", "ab<b>abcd<b>", "w<s>abc%sé", "<b><b>1abcd"])
@pytest.mark.parametrize("alpha", [0.1, 0.5])
def test_bpe_dropout_draws_as_sentencepiece(text: str, alpha: float, byte_fallback: bool) -> None:
    tokenizer = chain_of_merges(
        byte_fallback=byte_fallback, symbols=["<b>", "<b>1", "%s"], control=["w"]
    )
    reference = theirs(tokenizer, text, alpha)
    assert sum(reference.values()) == DRAWS  # SentencePiece splits no symbol here either
    assert len(reference) > 2
    assert same_distribution(ours(tokenizer, text, alpha), reference)


UNUSED = 5


@pytest.mark.parametrize("unused", [("ab",), ("abc",), ("ab", "abc"), ("a",), ("abcd", "c")])
@pytest.mark.parametrize("byte_fallback", [False, True])
def test_unused_pieces_form_others_in_bpe(unused: tuple[str, ...], byte_fallback: bool) -> None:
    """A longer unused piece is never drawn, but pieces that are merged from it are."""
    model = chain_of_merges(byte_fallback=byte_fallback, symbols=["<b>"], control=[])
    tokenizer = Tokenizer(retyped(model.model, unused, UNUSED))
    text = "abcd<b>abc"
    best, processor = tokenizer.encode(text), tokenizer._processor
    assert tokenizer.sample([text], alpha=0.0, seed=1) == [best]
    draws = ours(tokenizer, text, 0.3)
    assert not any({*unused} & set(tokenizer.pieces(ids)) for ids in draws)
    assert [processor.is_unused(processor.piece_to_id(piece)) for piece in unused]
    assert same_distribution(draws, theirs(tokenizer, text, 0.3))


@pytest.mark.parametrize("byte_fallback", [False, True])
def test_unused_pieces_are_not_drawn_by_unigram(byte_fallback: bool) -> None:
    model = model_of("unigram", byte_fallback=byte_fallback, user_defined_symbols=["<b>"])
    words = [piece for piece in model.pieces(range(model.vocab_size)) if piece.isalpha()]
    unused = ["a", *[word for word in words if len(word) > 1][:10]]
    tokenizer = Tokenizer(retyped(model.model, unused, UNUSED))
    text = "sells<b>a lantern"
    assert not any(set(unused) & set(tokenizer.pieces(ids)) for ids in ours(tokenizer, text, 0.3))
    assert same_distribution(ours(tokenizer, text, 0.3), theirs(tokenizer, text, 0.3))
