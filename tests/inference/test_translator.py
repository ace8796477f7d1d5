"""Translations of lines: batching, options, and log-probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from seqlstm import __version__
from seqlstm.data.batching.collate import collate_pairs
from seqlstm.inference import line_batches
from seqlstm.inference.scoring import TruncationWarning
from seqlstm.inference.search import search_translations
from seqlstm.inference.terminology import Terminology
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.runtime.threads import map_in_threads
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from tests.tiny import FLOAT32, LINES, PAIRS, random_translator

TEXT = [*LINES[:5], "", LINES[20], "  ", "Nobody", LINES[9]]


@pytest.fixture(scope="module")
def loaded(tokenizer: Tokenizer) -> LoadedTranslator:
    model = random_translator(tokenizer.vocab_size, seed=2)
    with torch.no_grad():
        model.output_layer.bias[tokenizer.end] += 1  # so that most translations come to an end
    return LoadedTranslator(model, TokenizerPair.joint(tokenizer), precision=FLOAT32, beam_size=3)


def beams(loaded: LoadedTranslator, sources: list[list[int]], *, n_best: int) -> Any:
    terminology = Terminology.from_text(len(sources), loaded.tokenizers.target)
    return search_translations(
        loaded.ensemble, sources, terminology, search=loaded.search_options(n_best=n_best)
    )


def test_every_line_has_its_translation(loaded: LoadedTranslator) -> None:
    translations = loaded.translate(TEXT)
    assert len(translations) == len(TEXT)
    assert len(set(translations)) > 3
    assert not any("\n" in text for text in translations)
    for line, (best,) in zip(TEXT, loaded.translations(TEXT), strict=True):
        assert (best.log_probability < 0) == bool(line.strip())
        assert best.text == "" or line.strip()
    assert loaded.translate([]) == []
    assert loaded.translate(["", " "]) == ["", ""]
    assert translations == [best[0].text for best in loaded.translations(TEXT)]


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("batch", [1, 4, 64])
def test_batches_change_nothing(loaded: LoadedTranslator, beam_size: int, batch: int) -> None:
    alone = [loaded.translate([line], beam_size=beam_size)[0] for line in TEXT]
    assert loaded.translate(TEXT, beam_size=beam_size, batch=batch) == alone
    assert loaded.translate(TEXT[::-1], beam_size=beam_size, batch=batch) == alone[::-1]


@pytest.mark.parametrize("penalty", [0.0, 0.2])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_batches_are_translated_in_parallel(
    loaded: LoadedTranslator, monkeypatch: pytest.MonkeyPatch, device: str, penalty: float
) -> None:
    """On a CPU, with and without coverage."""
    thread_counts: list[int] = []

    def watched(work: Any, tasks: Any, *, at_once: int) -> Any:
        thread_counts.append(at_once)
        return map_in_threads(work, tasks, at_once=at_once)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    alone = loaded.translate(TEXT, batch=2, coverage_penalty=penalty)
    torch.set_num_threads(2)
    monkeypatch.setattr(line_batches, "map_in_threads", watched)
    if device == "cuda":
        elsewhere = replace(FLOAT32, device=torch.device("cuda"))
        monkeypatch.setattr(loaded, "precision", elsewhere)
    assert loaded.translate(TEXT, batch=2, coverage_penalty=penalty) == alone
    torch.set_num_threads(threads)
    assert thread_counts == [1 if device == "cuda" else 2]


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_samples_and_ensembles_in_parallel(loaded: LoadedTranslator, name: str) -> None:
    tokenizer = loaded.tokenizers.target
    other = random_translator(tokenizer.vocab_size, seed=3)
    both = LoadedTranslator(
        loaded.model, loaded.tokenizers, precision=replace(FLOAT32, name=name), others=[other]
    )
    results = []
    threads = torch.get_num_threads()
    for count in (1, 2):
        torch.set_num_threads(count)
        drawn = both.sample(TEXT, samples=3, seed=5, batch=2)
        results.append(
            (
                both.translate(TEXT, batch=2),
                [[hypothesis.ids for hypothesis in row] for row in drawn],
            )
        )
    torch.set_num_threads(threads)
    assert results[0] == results[1]


def test_the_best_come_first(loaded: LoadedTranslator) -> None:
    for best in loaded.translations(LINES[:6], beam_size=4, n_best=4):
        assert 1 <= len(best) <= 4
        assert all(hypothesis.log_probability < 0 for hypothesis in best)
    plain = loaded.translations(LINES[:6], beam_size=4, n_best=4, length_penalty=0.0)
    for best in plain:
        assert all(
            hypothesis.score == pytest.approx(hypothesis.log_probability) for hypothesis in best
        )
    assert loaded.translations([""], n_best=3)[0][0].text == ""


def test_n_best_larger_than_the_beam(loaded: LoadedTranslator) -> None:
    with pytest.raises(ValueError, match="n_best must be at most the beam_size 3, was: 4"):
        loaded.translations(LINES[:2], n_best=4)


@pytest.mark.parametrize("option", ["beam_size", "batch"])
def test_sizes_must_be_positive(loaded: LoadedTranslator, option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} must be positive, was: 0"):
        loaded.translate(LINES[:2], **{option: 0})


def test_the_signature(loaded: LoadedTranslator) -> None:
    tail = f"tokenizer:unigram-{loaded.tokenizers.target.fingerprint}|version:{__version__}"
    assert loaded.signature(beam_size=None, length_penalty=None, batch=64) == (
        f"beam:3|length_penalty:1.0|batch:64|precision:float32|{tail}"
    )
    assert loaded.signature(beam_size=1, length_penalty=0.0, batch=2) == (
        f"beam:1|length_penalty:0.0|batch:2|precision:float32|{tail}"
    )


def test_options_of_a_call_override_the_defaults(loaded: LoadedTranslator) -> None:
    other = LoadedTranslator(
        loaded.model, loaded.tokenizers, precision=FLOAT32, beam_size=2, length_penalty=0.0
    )
    translations = loaded.translations(LINES[:4], beam_size=2, length_penalty=0.0, n_best=2)
    assert translations == other.translations(LINES[:4], n_best=2)


def test_long_lines_are_truncated_with_a_warning(loaded: LoadedTranslator) -> None:
    short = LoadedTranslator(
        loaded.model, loaded.tokenizers, precision=FLOAT32, beam_size=3, max_input_length=8
    )
    lines = ["Nobody", LINES[0], LINES[-1]]
    ids = loaded.tokenizers.target.encode_batch(lines)
    assert len(ids[0]) <= 8 < min(len(ids[1]), len(ids[2]))
    with pytest.warns(TruncationWarning, match="truncated 2 lines of more than 8 pieces"):
        translations = short.translations(lines)
    cut = beams(loaded, [row[:8] for row in ids], n_best=1)
    for (translation,), (hypothesis,) in zip(translations, cut, strict=True):
        assert translation.score == pytest.approx(hypothesis.score, abs=1e-5)


def test_hypotheses_have_their_log_probabilities(loaded: LoadedTranslator) -> None:
    sources = loaded.tokenizers.target.encode_batch(LINES[:8])
    for source, hypotheses in zip(sources, beams(loaded, sources, n_best=3), strict=True):
        for hypothesis in hypotheses:
            batch = collate_pairs([source], [hypothesis.ids], loaded.tokenizers)
            (scores,) = loaded.model.log_probabilities(batch)
            token_scores = scores[: len(hypothesis.ids) + hypothesis.finished]
            assert token_scores.sum().item() == pytest.approx(hypothesis.log_probability, abs=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_a_translation_has_the_score_of_its_tokens(loaded: LoadedTranslator, alpha: float) -> None:
    """A line has many segmentations: `score` is called with the ids of the translation."""
    lines = LINES[:8]
    translations = loaded.translations(lines, n_best=3, length_penalty=alpha)
    pairs = [
        (line, hypothesis)
        for line, best in zip(lines, translations, strict=True)
        for hypothesis in best
    ]
    for source in (str, loaded.tokenizers.target.encode):
        scores = loaded.score([(source(line), hypothesis.ids) for line, hypothesis in pairs])
        for score, (_, hypothesis) in zip(scores, pairs, strict=True):
            assert score.text.replace("\n", " ") == hypothesis.text
            if hypothesis.finished:
                assert score.log_probability == pytest.approx(hypothesis.log_probability, abs=1e-4)
                penalty = ((5 + len(score.pieces)) / 6) ** alpha
                assert score.log_probability / penalty == pytest.approx(hypothesis.score, abs=1e-4)
    assert sum(hypothesis.finished for _, hypothesis in pairs) > 5


@torch.inference_mode()
def by_hand(loaded: LoadedTranslator, source: list[int], target: list[int]) -> list[float]:
    """Log-probabilities computed step by step."""
    tokenizer, model = loaded.tokenizers.target, loaded.model
    ids = torch.tensor([[*source, tokenizer.end]])
    memory = model.encode(ids, torch.tensor([ids.shape[1]]))
    state, token, scores = model.start(memory), tokenizer.begin, []
    for next_token in [*target, tokenizer.end]:
        logits, state, _ = model.advance(torch.tensor([token]), state, memory)
        scores.append(float(logits.log_softmax(-1)[0, next_token]))
        token = next_token
    return scores


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_a_score_is_the_sum_of_its_steps(loaded: LoadedTranslator, batch: int) -> None:
    pairs = [*PAIRS[:5], ("Nobody", ""), ("", "Niemand"), PAIRS[-1]]
    scores = loaded.score(pairs, batch=batch)
    for score, (source, target) in zip(scores, pairs, strict=True):
        ids = loaded.tokenizers.target.encode(target)
        expected = by_hand(loaded, loaded.tokenizers.target.encode(source), ids)
        assert score.text == target
        assert score.pieces == loaded.tokenizers.target.pieces([*ids, loaded.tokenizers.target.end])
        assert score.log_probabilities == pytest.approx(expected, abs=1e-4)


def test_a_loaded_model_has_no_dropout(tokenizer: Tokenizer) -> None:
    model = random_translator(tokenizer.vocab_size).train()
    assert not LoadedTranslator(
        model, TokenizerPair.joint(tokenizer), precision=FLOAT32
    ).model.training
