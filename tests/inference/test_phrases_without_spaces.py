"""Phrases of scripts without spaces: inside a sentence no space is before them."""

from __future__ import annotations

import pytest
import torch

from seqlstm.inference.terminology import Terminology, contains, encode_phrases
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.text.model_type import ModelType
from seqlstm.text.script import has_letters_without_spaces
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from seqlstm.text.train_tokenizer import train_tokenizer
from tests.tiny import FLOAT32, random_translator

LINES = [
    f"{subject}{verb}{thing}。"
    for subject in ("孩子今天", "我的邻居", "一个女人晚上")
    for verb in ("看见", "买了", "画了")
    for thing in ("红色的船", "那座房子", "两个苹果", "API接口")
]
TYPES: list[ModelType] = ["unigram", "bpe", "char"]


def trained(model_type: ModelType, *, byte_fallback: bool = True) -> Tokenizer:
    size = 300 if byte_fallback else 46
    return train_tokenizer(
        LINES, model_type=model_type, vocab_size=size, byte_fallback=byte_fallback
    )


@pytest.mark.parametrize("byte_fallback", [True, False])
@pytest.mark.parametrize("model_type", TYPES)
@pytest.mark.parametrize("phrase", ["红色的船", "孩子", "船", "我的邻居", "API接口"])
def test_its_tokens_have_no_space(phrase: str, model_type: ModelType, byte_fallback: bool) -> None:
    tokenizer = trained(model_type, byte_fallback=byte_fallback)
    (ids,) = encode_phrases([phrase], tokenizer)
    assert b"".join(map(tokenizer.surface, ids)).decode() == phrase
    assert (tokenizer.encode(phrase) != ids) == (model_type != "char")  # as it begins a sentence
    assert contains(tokenizer.encode(f"7{phrase}"), ids)


def test_other_scripts_have_it() -> None:
    tokenizer = trained("unigram")
    assert encode_phrases(["API", "7"], tokenizer) == tokenizer.encode_batch(["API", "7"])


@pytest.fixture(scope="module")
def loaded() -> LoadedTranslator:
    tokenizer = trained("bpe", byte_fallback=False)
    model = random_translator(tokenizer.vocab_size, seed=2)
    with torch.no_grad():
        model.output_layer.bias[tokenizer.end] += 1
    return LoadedTranslator(model, TokenizerPair.joint(tokenizer), precision=FLOAT32, beam_size=4)


def test_a_forced_phrase_brings_no_space(loaded: LoadedTranslator) -> None:
    for (best,) in loaded.translations(LINES[:3], force_words=["红色的船"]):
        assert "红色的船" in best.text
        assert " 红色的船" not in best.text


def test_a_forbidden_phrase_appears_nowhere(loaded: LoadedTranslator) -> None:
    """Neither as a sentence begins nor inside it; it was only looked for after a space."""
    target = loaded.tokenizers.target
    free = {id for (best,) in loaded.translations(LINES[:6]) for id in best.ids}
    surfaces = {id: target.surface(id).decode() for id in free}
    words = [
        text for id, text in surfaces.items() if encode_phrases([text or "x"], target) == [[id]]
    ]
    words = [text for text in words if has_letters_without_spaces(text)]
    assert words
    forbidden = Terminology.from_text(1, target, bad_words=words).bad_words
    assert [target.decode(ids).strip() for ids in forbidden] == [*words, *words]
    for (best,) in loaded.translations(LINES[:6], bad_words=words):
        assert not {target.surface(id).decode() for id in best.ids} & {*words}
