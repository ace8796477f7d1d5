"""Lines in, lines out: however they are batched, and as probable as they are said to be."""

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
    asked = Terminology.from_text(len(sources), loaded.tokenizers.target)
    return search_translations(
        loaded.ensemble, sources, asked, search=loaded.search_options(n_best=n_best)
    )


def test_every_line_has_its_translation(loaded: LoadedTranslator) -> None:
    found = loaded.translate(TEXT)
    assert len(found) == len(TEXT)
    assert len(set(found)) > 3
    assert not any("\n" in text for text in found)
    for line, (best,) in zip(TEXT, loaded.translations(TEXT), strict=True):
        assert (best.log_probability < 0) == bool(line.strip())
        assert best.text == "" or line.strip()
    assert loaded.translate([]) == []
    assert loaded.translate(["", " "]) == ["", ""]
    assert found == [best[0].text for best in loaded.translations(TEXT)]


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("batch", [1, 4, 64])
def test_however_they_are_batched(loaded: LoadedTranslator, beam_size: int, batch: int) -> None:
    alone = [loaded.translate([line], beam_size=beam_size)[0] for line in TEXT]
    assert loaded.translate(TEXT, beam_size=beam_size, batch=batch) == alone
    assert loaded.translate(TEXT[::-1], beam_size=beam_size, batch=batch) == alone[::-1]


@pytest.mark.parametrize("penalty", [0.0, 0.2])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_batches_at_the_same_time(
    loaded: LoadedTranslator, monkeypatch: pytest.MonkeyPatch, device: str, penalty: float
) -> None:
    """On a CPU, with and without coverage."""
    told: list[int] = []

    def watched(work: Any, tasks: Any, *, at_once: int) -> Any:
        told.append(at_once)
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
    assert told == [1 if device == "cuda" else 2]


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_samples_and_ensembles_at_the_same_time(loaded: LoadedTranslator, name: str) -> None:
    tokenizer = loaded.tokenizers.target
    other = random_translator(tokenizer.vocab_size, seed=3)
    both = LoadedTranslator(
        loaded.model, loaded.tokenizers, precision=replace(FLOAT32, name=name), others=[other]
    )
    found = []
    threads = torch.get_num_threads()
    for count in (1, 2):
        torch.set_num_threads(count)
        drawn = both.sample(TEXT, samples=3, seed=5, batch=2)
        found.append((both.translate(TEXT, batch=2), [[one.ids for one in row] for row in drawn]))
    torch.set_num_threads(threads)
    assert found[0] == found[1]


def test_the_best_come_first(loaded: LoadedTranslator) -> None:
    for best in loaded.translations(LINES[:6], beam_size=4, n_best=4):
        assert 1 <= len(best) <= 4
        assert all(one.log_probability < 0 for one in best)
    plain = loaded.translations(LINES[:6], beam_size=4, n_best=4, length_penalty=0.0)
    for best in plain:
        assert all(one.score == pytest.approx(one.log_probability) for one in best)
    assert loaded.translations([""], n_best=3)[0][0].text == ""


def test_more_than_the_beam_holds(loaded: LoadedTranslator) -> None:
    with pytest.raises(ValueError, match="n_best must be at most the beam_size 3, was: 4"):
        loaded.translations(LINES[:2], n_best=4)


@pytest.mark.parametrize("option", ["beam_size", "batch"])
def test_nothing_at_once(loaded: LoadedTranslator, option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} must be positive, was: 0"):
        loaded.translate(LINES[:2], **{option: 0})


def test_the_signature_says_how(loaded: LoadedTranslator) -> None:
    tail = f"tokenizer:unigram-{loaded.tokenizers.target.fingerprint}|version:{__version__}"
    assert loaded.signature(beam_size=None, length_penalty=None, batch=64) == (
        f"beam:3|length_penalty:1.0|batch:64|precision:float32|{tail}"
    )
    assert loaded.signature(beam_size=1, length_penalty=0.0, batch=2) == (
        f"beam:1|length_penalty:0.0|batch:2|precision:float32|{tail}"
    )


def test_a_calls_options_stand_before_the_models_own(loaded: LoadedTranslator) -> None:
    other = LoadedTranslator(
        loaded.model, loaded.tokenizers, precision=FLOAT32, beam_size=2, length_penalty=0.0
    )
    asked = loaded.translations(LINES[:4], beam_size=2, length_penalty=0.0, n_best=2)
    assert asked == other.translations(LINES[:4], n_best=2)


def test_long_lines_are_cut_with_a_warning(loaded: LoadedTranslator) -> None:
    short = LoadedTranslator(
        loaded.model, loaded.tokenizers, precision=FLOAT32, beam_size=3, max_input_length=8
    )
    lines = ["Nobody", LINES[0], LINES[-1]]
    ids = loaded.tokenizers.target.encode_batch(lines)
    assert len(ids[0]) <= 8 < min(len(ids[1]), len(ids[2]))
    with pytest.warns(TruncationWarning, match="truncated 2 lines of more than 8 pieces"):
        found = short.translations(lines)
    cut = beams(loaded, [one[:8] for one in ids], n_best=1)
    for (translation,), (hypothesis,) in zip(found, cut, strict=True):
        assert translation.score == pytest.approx(hypothesis.score, abs=1e-5)


def test_beams_are_as_probable_as_they_say(loaded: LoadedTranslator) -> None:
    sources = loaded.tokenizers.target.encode_batch(LINES[:8])
    for source, hypotheses in zip(sources, beams(loaded, sources, n_best=3), strict=True):
        for one in hypotheses:
            batch = collate_pairs([source], [one.ids], loaded.tokenizers)
            (scores,) = loaded.model.log_probabilities(batch)
            told = scores[: len(one.ids) + one.finished]
            assert told.sum().item() == pytest.approx(one.log_probability, abs=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_a_beams_score_is_that_of_its_pieces(loaded: LoadedTranslator, alpha: float) -> None:
    """A line may be cut into pieces in many ways: `score` takes those that were found."""
    lines = LINES[:8]
    found = loaded.translations(lines, n_best=3, length_penalty=alpha)
    each = [(line, one) for line, best in zip(lines, found, strict=True) for one in best]
    for source in (str, loaded.tokenizers.target.encode):
        scores = loaded.score([(source(line), one.ids) for line, one in each])
        for score, (_, one) in zip(scores, each, strict=True):
            assert score.text.replace("\n", " ") == one.text
            if one.finished:
                assert score.log_probability == pytest.approx(one.log_probability, abs=1e-4)
                penalty = ((5 + len(score.pieces)) / 6) ** alpha
                assert score.log_probability / penalty == pytest.approx(one.score, abs=1e-4)
    assert sum(one.finished for _, one in each) > 5


@torch.inference_mode()
def by_hand(loaded: LoadedTranslator, source: list[int], target: list[int]) -> list[float]:
    """One step after the other."""
    tokenizer, model = loaded.tokenizers.target, loaded.model
    ids = torch.tensor([[*source, tokenizer.end]])
    memory = model.encode(ids, torch.tensor([ids.shape[1]]))
    state, token, scores = model.start(memory), tokenizer.begin, []
    for told in [*target, tokenizer.end]:
        logits, state, _ = model.advance(torch.tensor([token]), state, memory)
        scores.append(float(logits.log_softmax(-1)[0, told]))
        token = told
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


def test_a_loaded_model_does_not_drop_out(tokenizer: Tokenizer) -> None:
    model = random_translator(tokenizer.vocab_size).train()
    assert not LoadedTranslator(
        model, TokenizerPair.joint(tokenizer), precision=FLOAT32
    ).model.training
