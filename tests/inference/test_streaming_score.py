"""Streaming scores: their sums equal the score of the whole text; memory is constant."""

from __future__ import annotations

import math

import pytest

from seqlstm.evaluation.perplexity import score_text
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.streaming_score import StreamingScorer, per_byte
from seqlstm.text.tokenizer import Tokenizer
from tests.tiny import FLOAT32, LINES, random_language_model

TEXT = [*LINES[:5], "", "zzz 🙂", LINES[9]]

every_unit = pytest.mark.parametrize("unit", ["document", "line"])


def loaded_of(tokenizer: Tokenizer, unit: str) -> LoadedLanguageModel:
    model = random_language_model(tokenizer.vocab_size, seed=4)
    return LoadedLanguageModel(model, tokenizer, precision=FLOAT32, unit=unit)


@every_unit
@pytest.mark.parametrize("group", [1, 3, 100])
def test_the_sums_are_those_of_the_text(tokenizer: Tokenizer, unit: str, group: int) -> None:
    loaded = loaded_of(tokenizer, unit)
    scorer = StreamingScorer(loaded)
    scores = [
        score
        for start in range(0, len(TEXT), group)
        for score in scorer.push(TEXT[start : start + group])
    ]
    whole = score_text(
        loaded.model, TEXT, tokenizer=tokenizer, precision=FLOAT32, unit=unit, span=7
    )
    assert scorer.nats == pytest.approx(whole.nats, rel=1e-9)
    assert -sum(score.log_probability for score in scores) == pytest.approx(whole.nats, rel=1e-9)
    assert (scorer.lines, scorer.tokens, scorer.bytes) == (*(len(TEXT), whole.tokens, whole.bytes),)
    assert scorer.bytes == sum(map(scorer.bytes_of, TEXT))
    assert scorer.bits_per_byte == pytest.approx(whole.bits_per_byte)
    assert scorer.perplexity == pytest.approx(whole.perplexity_per_token)
    assert [score.text for score in scores] == TEXT
    alone = loaded.score(TEXT)
    assert scores[0].log_probability == pytest.approx(alone[0].log_probability)
    assert scores[1].log_probability != pytest.approx(alone[1].log_probability)
    assert [score.pieces for score in scores] == [score.pieces for score in alone]


def test_scoring_continues_from_a_past(tokenizer: Tokenizer) -> None:
    loaded = loaded_of(tokenizer, "line")
    first = StreamingScorer(loaded)
    first.push(TEXT[:4])
    second = StreamingScorer(loaded, first.past)
    second.push(TEXT[4:])
    whole = StreamingScorer(loaded)
    whole.push(TEXT)
    assert first.nats + second.nats == pytest.approx(whole.nats, rel=1e-9)


def test_memory_does_not_grow(tokenizer: Tokenizer) -> None:
    scorer = StreamingScorer(loaded_of(tokenizer, "line"))
    for _ in range(40):
        scorer.push(TEXT * 3)
    assert scorer.lines == 40 * 3 * len(TEXT)
    assert len(scorer.past.history[0]) == 1024
    assert scorer.past.state[0][0].shape[0] == 1


def test_an_empty_stream(tokenizer: Tokenizer) -> None:
    scorer = StreamingScorer(loaded_of(tokenizer, "document"))
    assert math.isnan(scorer.perplexity)
    assert math.isnan(scorer.bits_per_byte)
    assert per_byte(8 * math.log(2), 2) == pytest.approx(4.0)
