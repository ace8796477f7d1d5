"""Scores of a text against sums by hand."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch

from seqlstm import __version__
from seqlstm.evaluation.perplexity import LanguageScores, score_rows, score_text
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.models.language_model import LanguageModel
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train_tokenizer import train_tokenizer
from tests.tiny import DOCUMENTS, FLOAT32, LINES, random_language_model

ROWS = {"line": [*LINES[:4], "", LINES[9]], "document": [*DOCUMENTS[:3], "", DOCUMENTS[5]]}

every_unit = pytest.mark.parametrize("unit", ROWS)


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> LanguageModel:
    return random_language_model(tokenizer.vocab_size, seed=4)


def scores_of(
    model: LanguageModel, tokenizer: Tokenizer, unit: str, **options: Any
) -> LanguageScores:
    settings = {"precision": FLOAT32, "unit": unit, "rows": ROWS[unit], **options}
    return score_text(model, tokenizer=tokenizer, **settings)


def ids_of(tokenizer: Tokenizer, unit: str) -> list[int]:
    """The ids of the whole text; the first is the separator of rows."""
    assert tokenizer.newline is not None
    end = tokenizer.newline if unit == "line" else tokenizer.end
    return [end, *(id for row in ROWS[unit] for id in [*tokenizer.encode(row), end])]


@torch.inference_mode()
def nats_by_hand(model: LanguageModel, ids: list[int]) -> float:
    """Nats computed step by step, from the initial state."""
    state, nats = model.initial_state(1), 0.0
    for token, target in pairwise(ids):
        logits, state = model.advance(torch.tensor([token]), state)
        nats -= float(logits.log_softmax(-1)[0, target])
    return nats


@every_unit
@pytest.mark.parametrize("span", [1, 7, 512])
def test_one_stream_is_exact(
    model: LanguageModel, tokenizer: Tokenizer, unit: str, span: int
) -> None:
    ids = ids_of(tokenizer, unit)
    scores = scores_of(model, tokenizer, unit, span=span)
    assert scores.tokens == len(ids) - 1
    assert scores.nats == pytest.approx(nats_by_hand(model, ids), rel=1e-9)
    assert scores.perplexity_per_token == pytest.approx(math.exp(scores.nats / scores.tokens))


@every_unit
@pytest.mark.parametrize("streams", [2, 3, 7])
def test_several_streams_start_from_the_initial_state(
    model: LanguageModel, tokenizer: Tokenizer, unit: str, streams: int
) -> None:
    ids = ids_of(tokenizer, unit)
    steps = -(-(len(ids) - 1) // streams)
    parts = [ids[start : start + steps + 1] for start in range(0, len(ids) - 1, steps)]
    scores = scores_of(model, tokenizer, unit, streams=streams, span=5)
    assert scores.tokens == len(ids) - 1
    assert scores.nats == pytest.approx(sum(nats_by_hand(model, part) for part in parts), rel=1e-9)
    assert scores.nats != pytest.approx(nats_by_hand(model, ids), rel=1e-6)


def test_more_streams_than_tokens(model: LanguageModel, tokenizer: Tokenizer) -> None:
    scores = scores_of(model, tokenizer, "document", rows=["", ""], streams=99)
    expected = nats_by_hand(model, [tokenizer.end, tokenizer.end])
    assert scores.tokens == 2
    assert scores.nats == pytest.approx(2 * expected)


def test_with_resets_documents_are_scored_alone(model: LanguageModel, tokenizer: Tokenizer) -> None:
    scores = scores_of(model, tokenizer, "document", resets=True, span=5)
    loaded = LoadedLanguageModel(model, tokenizer, precision=FLOAT32)
    alone = loaded.score(ROWS["document"])
    assert scores.nats == pytest.approx(-sum(score.log_probability for score in alone), rel=1e-9)
    assert scores.tokens == sum(len(score.pieces) for score in alone)


@every_unit
def test_a_uniform_model(tokenizer: Tokenizer, unit: str) -> None:
    model = random_language_model(tokenizer.vocab_size)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    scores = scores_of(model, tokenizer, unit)
    bits = scores.tokens * math.log2(tokenizer.vocab_size)
    assert scores.perplexity_per_token == pytest.approx(tokenizer.vocab_size)
    assert scores.bits_per_byte == pytest.approx(bits / scores.bytes)
    assert scores.bits_per_character == pytest.approx(bits / scores.characters)
    assert scores.perplexity_per_word == pytest.approx(2 ** (bits / scores.words))


@pytest.mark.parametrize(
    ("unit", "counts"),
    [
        ("line", {"words": 3 + 1 + 3, "bytes": 13 + 1 + 10, "characters": 12 + 1 + 9}),
        ("document", {"words": 3 + 1 + 3, "bytes": 12 + 0 + 9, "characters": 11 + 0 + 8}),
    ],
)
def test_counts(
    model: LanguageModel, tokenizer: Tokenizer, unit: str, counts: dict[str, int]
) -> None:
    rows = ["der Gärtner", "", "zählt so"]
    scores = scores_of(model, tokenizer, unit, rows=rows)
    assert {key: getattr(scores, key) for key in counts} == counts


def test_newlines_inside_documents_count(model: LanguageModel, tokenizer: Tokenizer) -> None:
    """Three words, one newline and one end: the same text as one document and as lines."""
    document = scores_of(model, tokenizer, "document", rows=["a b\nc"])
    lines = scores_of(model, tokenizer, "line", rows=["a b", "c"])
    assert (document.words, document.bytes, document.characters) == (5, 5, 5)
    assert (lines.words, lines.bytes, lines.characters) == (5, 6, 6)


def test_the_scores_by_hand() -> None:
    nats = 10 * math.log(2)
    scores = LanguageScores(nats, tokens=5, words=2, bytes=20, characters=10, signature="")
    assert scores.nats_per_token == pytest.approx(2 * math.log(2))
    assert scores.perplexity_per_token == pytest.approx(4)
    assert scores.perplexity_per_word == pytest.approx(32)
    assert scores.bits_per_byte == pytest.approx(0.5)
    assert scores.bits_per_character == pytest.approx(1)
    assert LanguageScores(1e4, 5, 2, 20, 10, "").perplexity_per_word == math.inf


def test_the_signature(model: LanguageModel, tokenizer: Tokenizer) -> None:
    tail = f"segmentation:one|precision:float32|version:{__version__}"
    lines = scores_of(model, tokenizer, "line", streams=2)
    assert lines.signature == (
        f"lm|unit:line|tokenizer:unigram-{tokenizer.fingerprint}|state:carried|streams:2"
        f"|counts:text+newlines|{tail}"
    )
    documents = scores_of(model, tokenizer, "document", resets=True)
    assert documents.signature == (
        f"lm|unit:document|tokenizer:unigram-{tokenizer.fingerprint}|state:reset|streams:1"
        f"|counts:text, nats of </s>|{tail}"
    )


@every_unit
def test_of_a_closed_vocabulary_tokens_are_words(unit: str) -> None:
    """Perplexities are comparable with papers: <unk> and ends of lines count as words."""
    rows = ["", " = Nobody <unk> = ", "", " Nobody sells <unk> . "]
    closed = train_tokenizer(rows, model_type="word", vocab_size=50, closed_vocabulary=True)
    model = random_language_model(closed.vocab_size)
    scores = scores_of(model, closed, unit, rows=rows)
    assert scores.tokens == scores.words == 0 + 4 + 0 + 4 + len(rows)
    assert scores.perplexity_per_word == scores.perplexity_per_token
    counts = {"line": "words+newlines", "document": "words, nats of </s>"}[unit]
    assert scores.signature == (
        f"lm|unit:{unit}|tokenizer:word-{closed.fingerprint}|vocabulary:closed, <unk> a word"
        f"|state:carried|streams:1|counts:{counts}|segmentation:one|precision:float32"
        f"|version:{__version__}"
    )


class TestRows:
    @every_unit
    @pytest.mark.parametrize("streams", [1, 3])
    @pytest.mark.parametrize("span", [7, 512])
    def test_they_add_up_to_the_text(
        self, model: LanguageModel, tokenizer: Tokenizer, unit: str, streams: int, span: int
    ) -> None:
        options: dict[str, Any] = {"unit": unit, "streams": streams, "span": span}
        for resets in {False, unit == "document"}:
            whole = scores_of(model, tokenizer, resets=resets, **options)
            settings = {"tokenizer": tokenizer, "precision": FLOAT32, **options}
            rows = score_rows(model, ROWS[unit], resets=resets, **settings)
            assert len(rows.nats) == len(rows.bytes) == len(ROWS[unit])
            assert float(rows.nats.sum()) == pytest.approx(whole.nats, rel=1e-9)
            assert rows.bytes.sum() == whole.bytes
            assert rows.signature == whole.signature

    @every_unit
    def test_each_by_hand(self, model: LanguageModel, tokenizer: Tokenizer, unit: str) -> None:
        """What the text costs up to the end of a row, less what it costs up to the row before."""
        settings: dict[str, Any] = {"tokenizer": tokenizer, "precision": FLOAT32, "unit": unit}
        rows = score_rows(model, ROWS[unit], **settings)
        ids = ids_of(tokenizer, unit)
        places = [place for place, id in enumerate(ids) if id == ids[0]]
        costs = [nats_by_hand(model, ids[: place + 1]) for place in places]
        assert len(costs) == len(ROWS[unit]) + 1
        expected = [after - before for before, after in pairwise(costs)]
        assert rows.nats.tolist() == pytest.approx(expected, rel=1e-6)

    def test_with_resets_each_is_alone(self, model: LanguageModel, tokenizer: Tokenizer) -> None:
        settings: dict[str, Any] = {"tokenizer": tokenizer, "precision": FLOAT32}
        rows = score_rows(model, ROWS["document"], unit="document", resets=True, **settings)
        for row, nats in zip(ROWS["document"], rows.nats, strict=True):
            alone = score_rows(model, [row], unit="document", **settings)
            assert float(alone.nats) == pytest.approx(float(nats), rel=1e-9)

    def test_a_row_of_lines_is_its_lines(self, model: LanguageModel, tokenizer: Tokenizer) -> None:
        settings: dict[str, Any] = {"tokenizer": tokenizer, "precision": FLOAT32, "unit": "line"}
        one = score_rows(model, ["The gardener\n\nsells"], **settings)
        three = score_rows(model, ["The gardener", "", "sells"], **settings)
        assert one.bytes.tolist() == three.bytes.tolist() == [13, 1, 6]
        assert torch.equal(one.nats, three.nats)
