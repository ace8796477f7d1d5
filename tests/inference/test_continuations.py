"""Continuations side by side are those that are generated one by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train_tokenizer import train_tokenizer
from tests.tiny import FLOAT32, LINES, random_language_model

PROMPT = "Nobody sells"


def loaded_of(tokenizer: Tokenizer) -> LoadedLanguageModel:
    """A model of documents, which end now and then."""
    model = random_language_model(tokenizer.vocab_size, seed=4)
    with torch.no_grad():
        model.output_layer.bias[tokenizer.end] += 1
    return LoadedLanguageModel(model, tokenizer, precision=FLOAT32)


@pytest.fixture(scope="module")
def loaded(tokenizer: Tokenizer) -> LoadedLanguageModel:
    return loaded_of(tokenizer)


def texts(loaded: LoadedLanguageModel, **options: Any) -> list[str]:
    return [one.text for one in loaded.samples(PROMPT, **options)]


@pytest.mark.parametrize(
    "options", [{}, {"stop": "rn"}, {"temperature": 0.7, "top_k": 20, "repetition_penalty": 1.4}]
)
@pytest.mark.parametrize("batch", [1, 4, 64])
def test_a_sample_is_what_its_seed_writes(
    loaded: LoadedLanguageModel, batch: int, options: dict[str, Any]
) -> None:
    options = {"max_new_tokens": 30, **options}
    found = list(loaded.samples(PROMPT, count=9, batch=batch, seed=5, **options))
    assert [one.seed for one in found] == list(range(5, 14))
    for one in found:
        assert one.text == loaded.generate(PROMPT, seed=one.seed, **options)
    assert len({one.text for one in found}) > 5
    assert {one.finished for one in found} == {True, False}


def test_they_go_on_from_a_past(loaded: LoadedLanguageModel) -> None:
    past = loaded.read([f"{LINES[0]}\n{PROMPT}"])
    found = [one.text for one in loaded.samples(past=past, count=4, seed=1, max_new_tokens=20)]
    assert found == [
        "".join(loaded.session(past).stream(seed=seed, max_new_tokens=20)) for seed in range(1, 5)
    ]
    assert found != texts(loaded, count=4, seed=1, max_new_tokens=20)


def test_without_a_seed_they_differ_every_time(loaded: LoadedLanguageModel) -> None:
    assert texts(loaded, count=3) != texts(loaded, count=3)


def test_those_that_ended_leave_the_batch(
    loaded: LoadedLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    advance = loaded.model.advance

    def counted(token: torch.Tensor, *others: Any) -> Any:
        rows.append(len(token))
        return advance(token, *others)

    monkeypatch.setattr(loaded.model, "advance", counted)
    texts(loaded, count=20, seed=1, max_new_tokens=200, stop="e")
    assert rows[0] == 20
    assert rows == sorted(rows, reverse=True)
    assert 1 <= rows[-1] < 20
    assert len(rows) < 200  # and when the last is gone, nothing goes on


def test_characters_of_several_bytes_are_whole() -> None:
    """Byte pieces alone: what is cut inside a character ends in U+FFFD, as in a stream."""
    tokenizer = train_tokenizer(LINES, model_type="unigram", vocab_size=290)
    loaded = loaded_of(tokenizer)
    with torch.no_grad():
        for byte in "ä€🙂".encode():
            loaded.model.output_layer.bias[tokenizer.encode("\x80")[-1] - 0x80 + byte] += 9
    for one in loaded.samples(count=6, seed=1, max_new_tokens=25):
        assert one.text == loaded.generate(seed=one.seed, max_new_tokens=25)
