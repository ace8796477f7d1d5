"""The context of a prediction: the whole text before it, its document, or a window."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seqlstm.data.batching.sliding_windows import sliding_window_batches
from seqlstm.data.batching.streams import TokenStream
from seqlstm.evaluation.perplexity import score_rows, score_text
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.models.language_model import LanguageModel
from seqlstm.text.tokenizer import Tokenizer
from tests.evaluation.test_perplexity import ROWS, every_unit, ids_of, nats_by_hand
from tests.tiny import FLOAT32, random_language_model


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> LanguageModel:
    return random_language_model(tokenizer.vocab_size, seed=4)


def settings(tokenizer: Tokenizer, unit: str, **options: Any) -> dict[str, Any]:
    return {"tokenizer": tokenizer, "precision": FLOAT32, "unit": unit, **options}


@pytest.mark.parametrize("least", [1, 2, 3, 7, 11, 12, 40])
@pytest.mark.parametrize("tokens", [1, 5, 22, 23])
def test_windows_have_every_piece_once_with_enough_context(
    monkeypatch: pytest.MonkeyPatch, least: int, tokens: int
) -> None:
    monkeypatch.setattr("seqlstm.data.batching.sliding_windows.MAX_BATCH_TOKENS", 30)
    targets = []
    for batch in sliding_window_batches(TokenStream(torch.arange(tokens + 1)), min_context=least):
        rows, time = batch.targets.shape
        assert rows * time <= max(30, time)
        assert batch.lengths is None
        real = torch.zeros(time * rows, dtype=torch.bool)
        real[batch.target_index] = True
        for row, mask in enumerate(real.view(time, rows).t()):
            targets += batch.targets[row][mask].tolist()
            context = (torch.arange(time) + 1)[mask]  # steps from the window's fresh state
            first = batch.targets[row][0] == 1
            assert first or bool((context >= least).all())
            assert bool((context < 2 * least).all())
    assert targets == list(range(1, tokens + 1))


@every_unit
@pytest.mark.parametrize("least", [1, 4, 9])
def test_sliding_by_hand(model: LanguageModel, tokenizer: Tokenizer, unit: str, least: int) -> None:
    """Every piece is scored given all pieces before it in its window."""
    ids, expected = ids_of(tokenizer, unit), 0.0
    for place in range(1, len(ids)):
        begin = max(0, (place - least) // least * least)
        before = nats_by_hand(model, ids[begin:place])
        expected += nats_by_hand(model, ids[begin : place + 1]) - before
    scores = score_text(model, ROWS[unit], sliding=least, **settings(tokenizer, unit))
    assert scores.nats == pytest.approx(expected, rel=1e-9)
    assert f"|state:sliding-{least}|streams:1|" in scores.signature


@every_unit
def test_one_window_over_the_text_equals_carried_state(
    model: LanguageModel, tokenizer: Tokenizer, unit: str
) -> None:
    options = settings(tokenizer, unit)
    carried = score_text(model, ROWS[unit], **options)
    whole = score_text(model, ROWS[unit], sliding=carried.tokens, **options)
    part = score_text(model, ROWS[unit], sliding=5, **options)
    assert whole.nats == pytest.approx(carried.nats, rel=1e-12)
    assert part.nats != pytest.approx(carried.nats, rel=1e-6)


@every_unit
def test_with_resets_rows_are_scored_alone(
    model: LanguageModel, tokenizer: Tokenizer, unit: str
) -> None:
    scores = score_text(model, ROWS[unit], resets=True, span=5, **settings(tokenizer, unit))
    loaded = LoadedLanguageModel(model, tokenizer, precision=FLOAT32, unit=unit)
    alone = -sum(score.log_probability for score in loaded.score(ROWS[unit]))
    assert scores.nats == pytest.approx(alone, rel=1e-9)
    assert "|state:reset|" in scores.signature


@every_unit
@pytest.mark.parametrize("options", [{}, {"resets": True}, {"sliding": 4}, {"streams": 3}])
def test_rows_add_up(
    model: LanguageModel, tokenizer: Tokenizer, unit: str, options: dict[str, Any]
) -> None:
    rows, how = ROWS[unit], settings(tokenizer, unit, **options)
    whole, parts = score_text(model, rows, **how), score_rows(model, rows, **how)
    assert float(parts.nats.sum()) == pytest.approx(whole.nats, rel=1e-9)
    assert parts.tokens.sum() == whole.tokens
    assert parts.words.sum() == whole.words
    assert parts.tokens.tolist() == [len(tokenizer.encode(row)) + 1 for row in rows]
    assert parts.words.tolist() == [len(row.split()) + row.count("\n") + 1 for row in rows]
    assert parts.signature == whole.signature
