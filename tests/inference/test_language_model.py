"""Generation, as a stream or as a whole text, and scores of texts."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.scoring import TruncationWarning
from seqlstm.inference.session import Session
from seqlstm.recurrent.state import State
from seqlstm.text.streaming import until_stop
from seqlstm.text.tokenizer import Tokenizer
from tests.recurrent.cases import assert_same
from tests.tiny import FLOAT32, LINES, random_language_model

every_unit = pytest.mark.parametrize("unit", ["document", "line"])


def loaded_of(
    tokenizer: Tokenizer, unit: str = "line", *, max_length: int = 4096
) -> LoadedLanguageModel:
    model = random_language_model(tokenizer.vocab_size, seed=4)
    return LoadedLanguageModel(
        model, tokenizer, precision=FLOAT32, unit=unit, max_length=max_length
    )


@pytest.fixture
def loaded(tokenizer: Tokenizer) -> LoadedLanguageModel:
    """A model of lines, which never generates the end token."""
    return loaded_of(tokenizer)


def ids_of(session: Session) -> list[int]:
    ids: list[int] = session.past.history[0].tolist()
    return ids


# Generation.


def test_the_seed_determines_the_text(loaded: LoadedLanguageModel) -> None:
    first = loaded.generate("Nobody", max_new_tokens=40, seed=1)
    assert first == loaded.generate("Nobody", max_new_tokens=40, seed=1)
    assert first != loaded.generate("Nobody", max_new_tokens=40, seed=2)
    assert loaded.generate(max_new_tokens=40, temperature=0) == loaded.generate(
        max_new_tokens=40, temperature=0
    )
    assert loaded.generate("Nobody", max_new_tokens=0, seed=1) == ""


def test_the_prompt_is_read(loaded: LoadedLanguageModel) -> None:
    first, second, without = (
        [loaded.generate(prompt, max_new_tokens=10, seed=seed) for seed in range(5)]
        for prompt in ("Nobody", "The gardener sells", "")
    )
    assert first != second
    assert first != without


def test_the_stream_joined_is_the_text(loaded: LoadedLanguageModel) -> None:
    session = loaded.session()
    session.read("Nobody")
    parts = list(session.stream(max_new_tokens=40, seed=1))
    assert len(parts) > 10
    assert "".join(parts) == loaded.generate("Nobody", max_new_tokens=40, seed=1)


def test_the_text_is_the_text_that_the_pieces_add(loaded: LoadedLanguageModel) -> None:
    spaces = 0
    for seed in range(20):
        session = loaded.session()
        session.read("Nobody sells")
        prompt = ids_of(session)
        assert prompt == loaded.tokenizer.encode("Nobody sells")
        text = "".join(session.stream(max_new_tokens=10, seed=seed))
        assert len(ids_of(session)) == len(prompt) + 10
        assert loaded.tokenizer.decode(ids_of(session)) == f"Nobody sells{text}"
        spaces += text.startswith(" ")
    assert spaces  # not at the beginning of a line, where the first space is removed


def test_generation_stops_before_the_first_stop_text(loaded: LoadedLanguageModel) -> None:
    text = loaded.generate(max_new_tokens=60, seed=1)
    for start, size in product((5, 20, 33), (1, 2, 4)):
        stop = text[start : start + size]
        expected = text[: text.index(stop)]
        assert loaded.generate(max_new_tokens=60, seed=1, stop=stop) == expected
    assert loaded.generate(max_new_tokens=60, seed=1, stop="never to be seen") == text


@pytest.mark.parametrize("stop", ["abd", "abab", "b", "ab", "zz"])
def test_until_stop_for_any_division_into_parts(stop: str) -> None:
    text = "aababdabab"
    place = text.find(stop)
    expected = text if place < 0 else text[:place]
    for cuts in product([False, True], repeat=len(text) - 1):
        parts = [""]
        for letter, cut in zip(text, (False, *cuts), strict=True):
            if cut:
                parts.append("")
            parts[-1] += letter
        joined_parts = list(until_stop(iter(parts), stop))
        assert "".join(joined_parts) == expected


def test_until_stop_holds_back_as_little_as_possible() -> None:
    assert list(until_stop(iter("abcabx"), "abd")) == ["abc", "abx"]
    assert list(until_stop(iter("xyab"), "abd")) == ["x", "y", "ab"]


@pytest.mark.parametrize("cuts", [(10, 15), (1, 1, 23), (24, 1)])
def test_a_session_continues_as_if_it_had_never_stopped(
    loaded: LoadedLanguageModel, cuts: tuple[int, ...]
) -> None:
    whole, pieces = loaded.session(), loaded.session()
    for session in (whole, pieces):
        session.read("My oldest friend")
    text = "".join(whole.stream(max_new_tokens=25, temperature=0, repetition_penalty=1.3))
    parts = [
        part
        for cut in cuts
        for part in pieces.stream(max_new_tokens=cut, temperature=0, repetition_penalty=1.3)
    ]
    assert "".join(parts) == text
    assert ids_of(pieces) == ids_of(whole)
    assert_same((pieces.past.state, pieces.past.token), (whole.past.state, whole.past.token))


def test_prompts_between_continuations_count(loaded: LoadedLanguageModel) -> None:
    session = loaded.session()
    session.read("Nobody")
    written = "".join(session.stream(max_new_tokens=5, temperature=0))
    session.read("\nThe gardener")
    session.read("")
    other = loaded.session()
    other.read_ids(ids_of(session))
    assert loaded.tokenizer.decode(ids_of(session)) == f"Nobody{written}\nThe gardener"
    assert list(session.stream(max_new_tokens=9, temperature=0)) == list(
        other.stream(max_new_tokens=9, temperature=0)
    )


def test_a_long_prompt_is_read_in_spans(
    loaded: LoadedLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read() -> tuple[State, torch.Tensor]:
        session = loaded.session()
        session.read("\n".join(LINES[:4]))
        return session.past.state, session.past.token

    whole = read()
    monkeypatch.setattr("seqlstm.inference.prefill.SPAN", 3)
    assert_same(read(), whole)


@every_unit
def test_special_ids_are_never_generated(tokenizer: Tokenizer, unit: str) -> None:
    loaded = loaded_of(tokenizer, unit)
    session = loaded.session()
    for seed in range(6):
        list(session.stream(max_new_tokens=80, seed=seed, temperature=5.0))
    written = set(ids_of(session))
    assert len(written) > tokenizer.vocab_size // 2
    assert not written & {tokenizer.pad, tokenizer.begin, tokenizer.unknown}
    assert (tokenizer.end in written) == (unit == "document")


def test_a_document_ends(tokenizer: Tokenizer) -> None:
    loaded = loaded_of(tokenizer, "document")
    with torch.no_grad():
        loaded.model.output_layer.bias[tokenizer.end] = 1e3
    session = loaded.session()
    assert list(session.stream(max_new_tokens=50)) == []
    assert ids_of(session) == [tokenizer.end]


# Scores.


@torch.inference_mode()
def by_hand(loaded: LoadedLanguageModel, ids: list[int]) -> list[float]:
    """Log-probabilities computed step by step, from the end token."""
    state, token, scores = loaded.model.initial_state(1), loaded.end, []
    for target in ids:
        logits, state = loaded.model.advance(torch.tensor([token]), state)
        scores.append(float(logits.log_softmax(-1)[0, target]))
        token = target
    return scores


@every_unit
@pytest.mark.parametrize("batch", [1, 3, 64])
def test_a_score_is_the_sum_of_its_steps(tokenizer: Tokenizer, unit: str, batch: int) -> None:
    loaded = loaded_of(tokenizer, unit)
    assert loaded.end == (tokenizer.end if unit == "document" else tokenizer.newline)
    lines = [*LINES[:5], "", "Nobody", LINES[-1]]
    for score, line in zip(loaded.score(lines, batch=batch), lines, strict=True):
        ids = [*tokenizer.encode(line), loaded.end]
        expected = by_hand(loaded, ids)
        assert score.text == line
        assert score.pieces == tokenizer.pieces(ids)
        assert score.log_probabilities == pytest.approx(expected, rel=1e-9)
        assert score.log_probability == pytest.approx(sum(expected))


def test_long_lines_are_truncated_with_a_warning(tokenizer: Tokenizer) -> None:
    loaded = loaded_of(tokenizer, max_length=6)
    with pytest.warns(TruncationWarning, match="truncated 1 line of more than 6 pieces"):
        short, cut = loaded.score(["Why", LINES[0]])
    expected = by_hand(loaded, [*tokenizer.encode(LINES[0])[:6], loaded.end])
    assert cut.log_probabilities == pytest.approx(expected)
    assert len(short.pieces) <= 7
