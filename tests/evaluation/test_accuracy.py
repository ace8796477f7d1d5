"""Scores of completions against counts by hand."""

from __future__ import annotations

import math

import pytest
import torch

from seqlstm import __version__
from seqlstm.evaluation import accuracy
from seqlstm.evaluation.accuracy import PromptScores, encode_prompts, score_prompts
from seqlstm.models.language_model import LanguageModel
from seqlstm.text.tokenizer import Tokenizer
from tests.tiny import FLOAT32, PAIRS, random_language_model

Row = tuple[str, str]


def scores_of(model: LanguageModel, tokenizer: Tokenizer, rows: list[Row]) -> PromptScores:
    batches = encode_prompts(rows, tokenizer=tokenizer)
    return score_prompts(model, batches, tokenizer=tokenizer, precision=FLOAT32)


@torch.no_grad()
def by_hand(model: LanguageModel, tokenizer: Tokenizer, row: Row) -> tuple[float, bool]:
    """Nats of a completion and its end, and whether every token is the most probable, by steps."""
    text, answer = map(tokenizer.encode, row)
    state, nats, right = model.initial_state(1), 0.0, True
    token = tokenizer.end
    for id in text:
        _, state = model.advance(torch.tensor([token]), state)
        token = id
    for target in [*answer, tokenizer.end]:
        logits, state = model.advance(torch.tensor([token]), state)
        nats -= float(logits.log_softmax(-1)[0, target])
        right = right and int(logits.argmax()) == target
        token = target
    return nats, right


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> LanguageModel:
    return random_language_model(tokenizer.vocab_size, seed=4)


def test_a_row_at_a_time(model: LanguageModel, tokenizer: Tokenizer) -> None:
    scores = scores_of(model, tokenizer, PAIRS)
    expected = [by_hand(model, tokenizer, row) for row in PAIRS]
    assert scores.rows == len(PAIRS)
    assert scores.tokens == sum(len(tokenizer.encode(answer)) + 1 for _, answer in PAIRS)
    assert scores.nats == pytest.approx(sum(nats for nats, _ in expected), rel=1e-6)
    assert scores.correct == sum(right for _, right in expected)


def test_a_row_is_correct_if_every_piece_is(tokenizer: Tokenizer) -> None:
    """A model that always predicts the end is correct only on empty completions."""
    model = random_language_model(tokenizer.vocab_size)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.output_layer.bias[tokenizer.end] = 1.0
    rows = [("The gardener", ""), ("Nobody", "sees"), ("Nobody counts", ""), ("", "")]
    scores = scores_of(model, tokenizer, rows)
    assert (scores.correct, scores.accuracy) == (3, 0.75)
    assert scores.tokens == 4 + len(tokenizer.encode("sees"))


def test_batches_change_nothing(
    model: LanguageModel, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scores_of(model, tokenizer, PAIRS)
    monkeypatch.setattr(accuracy, "MAX_BATCH_TOKENS", 40)
    monkeypatch.setattr(accuracy, "CHUNK", 3)
    assert len(encode_prompts(PAIRS, tokenizer=tokenizer)) > 5
    parts = scores_of(model, tokenizer, PAIRS)
    assert (parts.correct, parts.tokens) == (whole.correct, whole.tokens)
    assert parts.nats == pytest.approx(whole.nats, rel=1e-6)


def test_the_scores_by_hand() -> None:
    scores = PromptScores(nats=3 * math.log(2), correct=3, rows=4, tokens=6, signature="")
    assert scores.accuracy == 0.75
    assert scores.nats_per_token == pytest.approx(math.log(2) / 2)


def test_the_signature(model: LanguageModel, tokenizer: Tokenizer) -> None:
    assert scores_of(model, tokenizer, PAIRS).signature == (
        f"lm|scored:completion+</s>|tokenizer:unigram-{tokenizer.fingerprint}"
        "|correct:every piece the most probable, teacher forcing"
        f"|precision:float32|version:{__version__}"
    )
