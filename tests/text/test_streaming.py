"""For any ids, the joined texts of a stream equal the decoded ids."""

from __future__ import annotations

import random

import pytest

from seqlstm.text.escaping import ESCAPE
from seqlstm.text.streaming import TextStream
from seqlstm.text.tokenizer import Tokenizer

from .test_tokenizer import TEXTS


def streamed(stream: TextStream, ids: list[int]) -> str:
    return "".join([*map(stream.push, ids), stream.flush()])


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_stream_of_encoded_text(tokenizer: Tokenizer, text: str) -> None:
    assert streamed(TextStream(tokenizer), tokenizer.encode(text)) == text


def random_ids(tokenizer: Tokenizer, generator: random.Random) -> list[int]:
    """Random ids, often of pieces that a stream holds back or that change the following text."""
    delicate = [
        *tokenizer.encode(f"{ESCAPE}▁ \n é😀_="),
        *range(tokenizer.newline or 0, 270),
        *range(5),
    ]
    ids = [*range(tokenizer.vocab_size), *generator.choices(delicate, k=2 * tokenizer.vocab_size)]
    return generator.choices(ids, k=generator.randrange(60))


def test_stream_of_random_ids(tokenizer: Tokenizer) -> None:
    generator = random.Random(2)
    for _ in range(500):
        ids = random_ids(tokenizer, generator)
        assert streamed(TextStream(tokenizer), ids) == tokenizer.decode(ids)


def test_pushed_text_is_final(tokenizer: Tokenizer) -> None:
    generator = random.Random(3)
    for _ in range(50):
        ids = random_ids(tokenizer, generator)
        stream, so_far = TextStream(tokenizer), ""
        for id in ids:
            so_far += stream.push(id)
            assert tokenizer.decode(ids).startswith(so_far)


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_context_is_continued(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(f"the lantern{text}")
    for cut in range(len(ids) + 1):
        context, rest = ids[:cut], ids[cut:]
        before = TextStream(tokenizer)
        final = "".join(map(before.push, context))
        added = streamed(TextStream(tokenizer, context=context), rest)
        assert final + added == tokenizer.decode(ids)


def test_a_word_after_context_keeps_its_space(tokenizers: dict[str, Tokenizer]) -> None:
    word = tokenizers["word"]
    context, ids = word.encode("the"), word.encode("evening;")
    assert streamed(TextStream(word), ids) == "evening;"
    assert streamed(TextStream(word, context=context), ids) == " evening;"
    assert streamed(TextStream(word, context=[*context, 4]), ids) == "evening;"


def test_nothing_is_returned_inside_a_character(tokenizers: dict[str, Tokenizer]) -> None:
    char = tokenizers["char"]
    stream = TextStream(char)
    assert [stream.push(id) for id in char.encode("a😀")] == ["a", "", "", "", "😀"]
    assert stream.flush() == ""
    stream = TextStream(char)
    assert [stream.push(id) for id in char.encode("😀")[:3]] == ["", "", ""]
    assert stream.flush() == "\ufffd"
