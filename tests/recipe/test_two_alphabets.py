"""Translation between two alphabets: each side is segmented with its own tokenizer."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from seqlstm.analysis.attention_maps import attention_map
from seqlstm.errors import ArgumentError
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.recipe.compare import compare
from seqlstm.recipe.evaluate import evaluate
from seqlstm.run.folder import RunFolder
from tests.recipe.alphabets import (
    greek_pairs,
    joint_of,
    recipe_of,
    trained,
    translator_of,
    write_alphabets,
)
from tests.runs import in_greek_letters

PAIRS = greek_pairs("test")[:6]
LINES = [line for line, _ in PAIRS]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_alphabets(tmp_path_factory.mktemp("alphabets"))


@pytest.fixture(scope="module")
def run(file: Path) -> RunFolder:
    return trained(recipe_of(file), file.parent / "run")


@pytest.fixture(scope="module")
def loaded(run: RunFolder) -> LoadedTranslator:
    """The trained translator; a larger bias of the end token ends most translations."""
    loaded = translator_of(run)
    with torch.no_grad():
        loaded.model.output_layer.bias[loaded.tokenizers.target.end] += 2
    return loaded


def test_scores_of_hypotheses_equal_scores_of_their_ids(loaded: LoadedTranslator) -> None:
    for alpha in (0.0, 1.0):
        found = loaded.translations(LINES, n_best=3, length_penalty=alpha)
        each = [(line, one) for line, best in zip(LINES, found, strict=True) for one in best]
        scores = loaded.score([(line, one.ids) for line, one in each])
        for score, (_, one) in zip(scores, each, strict=True):
            assert score.text.replace("\n", " ") == one.text
            if one.finished:
                penalty = ((5 + len(score.pieces)) / 6) ** alpha
                assert score.log_probability / penalty == pytest.approx(one.score, abs=1e-4)
        assert sum(one.finished for _, one in each) > 5


def test_a_text_is_scored_with_the_tokenizer_of_its_side(loaded: LoadedTranslator) -> None:
    reader, writer = loaded.tokenizers.source, loaded.tokenizers.target
    texts = loaded.score(PAIRS)
    pieces = loaded.score([(reader.encode(source), writer.encode(t)) for source, t in PAIRS])
    for one, other, (_, target) in zip(texts, pieces, PAIRS, strict=True):
        assert one == other
        assert one.pieces == writer.pieces([*writer.encode(target), writer.end])


def test_validation_uses_both_tokenizers(run: RunFolder) -> None:
    scores = translator_of(run).score(greek_pairs("validation"))
    nats = -math.fsum(one.log_probability for one in scores)
    *_, last = [line for line in run.read_log().reports if line["kind"] == "validation"]
    assert last["step"] == 4
    expected = nats / sum(len(one.pieces) for one in scores)
    assert last["values"]["loss"] == pytest.approx(expected, rel=1e-4)
    assert last["values"].keys() == {"loss", "bleu", "chrf"}


def test_prefixes_and_forced_words_use_the_target_tokenizer(loaded: LoadedTranslator) -> None:
    phrase = in_greek_letters("Nobody")
    ids = loaded.tokenizers.target.encode(phrase)
    for (best,) in loaded.translations(LINES, prefix=phrase):
        assert list(best.ids[: len(ids)]) == ids
        assert best.text.startswith(phrase)
    for (best,) in loaded.translations(LINES, force_words=[phrase], max_length=40):
        assert phrase in best.text
    for samples in loaded.sample(LINES, samples=2, seed=3, prefix=phrase):
        assert all(one.text.startswith(phrase) for one in samples)


def test_an_attention_map_has_the_pieces_of_both_sides(loaded: LoadedTranslator) -> None:
    reader, writer = loaded.tokenizers.source, loaded.tokenizers.target
    source, target = PAIRS[0]
    found = attention_map(loaded, source, writer.encode(target))
    assert found.source_pieces == reader.pieces([*reader.encode(source), reader.end])
    assert found.target_pieces == writer.pieces([*writer.encode(target), writer.end])
    assert found.weights.shape[1:] == (len(found.target_pieces), len(found.source_pieces))


def test_the_signature_names_both_tokenizers(run: RunFolder) -> None:
    found = evaluate(run.path, device="cpu").values
    each = run.read_tokenizers()
    assert found["sentences"] == 20
    signed = f"|tokenizer:unigram-{each.source.fingerprint}+unigram-{each.target.fingerprint}|"
    assert signed in found["signatures"]["search"]


def test_it_is_compared_with_a_joint_one(file: Path, run: RunFolder, tmp_path: Path) -> None:
    joint = trained(joint_of(file), tmp_path / "joint")
    found = compare([run.path, joint.path], resamples=20, device="cpu")
    signed = [f"tokenizer:{one.read_tokenizers().signature}|" for one in (run, joint)]
    assert all(one in how for one, how in zip(signed, found.signatures.values(), strict=True))
    assert ["+" in one for one in signed] == [True, False]


def test_an_ensemble_needs_the_same_tokenizer_on_each_side(
    file: Path, run: RunFolder, loaded: LoadedTranslator, tmp_path: Path
) -> None:
    source, target = (path.as_posix() for path in run.sides)

    def beside(name: str, *files: str) -> LoadedTranslator:
        ready = f"tokenizer={{file={list(files)}}}" if files else "tokenizer.vocab_size=330"
        return translator_of(trained(joint_of(file, ready, "seed=2"), tmp_path / name))

    same = beside("same", source, target)
    assert len(loaded.ensemble_with(same).translate(LINES)) == len(LINES)
    turned, one_side = beside("turned", target, source), beside("one-side", source, source)
    for other in (turned, one_side, beside("joint")):
        with pytest.raises(ArgumentError, match="an ensemble needs one tokenizer on") as caught:
            loaded.ensemble_with(other)
        assert loaded.tokenizers.fingerprint in caught.value.message
        assert other.tokenizers.fingerprint in caught.value.message
        assert "RUN/source.model and RUN/target.model" in str(caught.value.hint)
