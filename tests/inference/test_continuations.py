"""Continuations in a batch equal those that are generated one by one."""

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
    """A model of documents, some of which end early."""
    model = random_language_model(tokenizer.vocab_size, seed=4)
    with torch.no_grad():
        model.output_layer.bias[tokenizer.end] += 1
    return LoadedLanguageModel(model, tokenizer, precision=FLOAT32)


@pytest.fixture(scope="module")
def loaded(tokenizer: Tokenizer) -> LoadedLanguageModel:
    return loaded_of(tokenizer)


def texts(loaded: LoadedLanguageModel, **options: Any) -> list[str]:
    return [continuation.text for continuation in loaded.samples(PROMPT, **options)]


@pytest.mark.parametrize(
    "options", [{}, {"stop": "rn"}, {"temperature": 0.7, "top_k": 20, "repetition_penalty": 1.4}]
)
@pytest.mark.parametrize("batch", [1, 4, 64])
def test_a_continuation_depends_only_on_its_seed(
    loaded: LoadedLanguageModel, batch: int, options: dict[str, Any]
) -> None:
    options = {"max_new_tokens": 30, **options}
    continuations = list(loaded.samples(PROMPT, count=9, batch=batch, seed=5, **options))
    assert [continuation.seed for continuation in continuations] == list(range(5, 14))
    for continuation in continuations:
        assert continuation.text == loaded.generate(PROMPT, seed=continuation.seed, **options)
    assert len({continuation.text for continuation in continuations}) > 5
    assert {continuation.finished for continuation in continuations} == {True, False}


def test_continuations_of_a_past(loaded: LoadedLanguageModel) -> None:
    past = loaded.read([f"{LINES[0]}\n{PROMPT}"])
    continuations = [
        continuation.text
        for continuation in loaded.samples(past=past, count=4, seed=1, max_new_tokens=20)
    ]
    assert continuations == [
        "".join(loaded.session(past).stream(seed=seed, max_new_tokens=20)) for seed in range(1, 5)
    ]
    assert continuations != texts(loaded, count=4, seed=1, max_new_tokens=20)


def test_without_a_seed_continuations_differ(loaded: LoadedLanguageModel) -> None:
    assert texts(loaded, count=3) != texts(loaded, count=3)


def test_finished_rows_leave_the_batch(
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
    assert len(rows) < 200  # generation stops when all rows have finished


def test_characters_of_several_bytes_are_whole() -> None:
    """With byte pieces only: a text that is cut inside a character ends in U+FFFD."""
    tokenizer = train_tokenizer(LINES, model_type="unigram", vocab_size=290)
    loaded = loaded_of(tokenizer)
    with torch.no_grad():
        for byte in "ä€🙂".encode():
            loaded.model.output_layer.bias[tokenizer.encode("\x80")[-1] - 0x80 + byte] += 9
    for continuation in loaded.samples(count=6, seed=1, max_new_tokens=25):
        assert continuation.text == loaded.generate(seed=continuation.seed, max_new_tokens=25)
