"""The tokens that BLEU counts: the choice by script, and what a tokenization needs."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.error import URLError

import pytest
from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers import tokenizer_ja_mecab, tokenizer_spm

from seqlstm.errors import ArgumentError
from seqlstm.evaluation.tokenization import (
    BY_SCRIPT,
    TOKENIZATIONS,
    Tokenization,
    choose_tokenization,
    make_bleu,
)
from seqlstm.evaluation.translation import bleu, score_translations
from seqlstm.text.script import main_script

CHINESE = ["我今天在图书馆里看书。", "他们昨天去了北京,看了长城。"]
JAPANESE = ["私は昨日図書館で本を読みました。", "コーヒーをください。"]
KOREAN = ["저는 어제 도서관에서 책을 읽었습니다.", "커피 주세요."]
THAI = ["เมื่อวานฉันอ่านหนังสือที่ห้องสมุด"]


@pytest.mark.parametrize(
    "texts",
    [
        ["Der Hund schläft."],
        ["Собака спит."],
        ["الكلب نائم."],
        ["कुत्ता सो रहा है।"],
        ["The restaurant is called 北京."],
        ["2035", "15:45"],
        [""],
        [],
    ],
)
def test_scripts_with_spaces_keep_13a(texts: list[str]) -> None:
    assert choose_tokenization(texts) == Tokenization("13a")


@pytest.mark.parametrize(
    ("texts", "name"), [(CHINESE, "zh"), (JAPANESE, "ja-mecab"), (THAI, "char")]
)
def test_scripts_without_spaces_have_tokens(texts: list[str], name: str) -> None:
    choice = choose_tokenization(texts)
    assert choice.name == name
    assert str(choice) == f"evaluation.tokenize: {name} ({choice.reason})"
    assert choice.reason == f"most letters of the targets are {main_script(texts)}"


def test_japanese_without_mecab_is_counted_by_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_ja_mecab, "MeCab", None)
    choice = choose_tokenization(JAPANESE)
    assert choice.name == "char"
    assert 'ja-mecab would need MeCab with its IPA dictionary: pip install "sacrebleu[ja]"' in (
        choice.reason
    )
    assert score_translations(JAPANESE, JAPANESE).bleu == pytest.approx(100)


def test_korean_is_counted_by_morphemes_as_sacrebleu_does_or_by_words() -> None:
    """sacreBLEU's own default for Korean; without its library the words between spaces are left."""
    assert BY_SCRIPT["Hangul"] == (BLEU._TOKENIZER_MAP["ko"], "13a")
    choice = choose_tokenization(KOREAN)
    if "mecab_ko" in sys.modules:
        assert choice.name == "ko-mecab"
    else:
        assert (choice.name, 'pip install "sacrebleu[ko]"' in choice.reason) == ("13a", True)


def test_sacrebleus_own_choices_by_language() -> None:
    defaults = BLEU._TOKENIZER_MAP
    assert (defaults["zh"], defaults["ja"]) == (BY_SCRIPT["Han"][0], BY_SCRIPT["Japanese"][0])
    assert {name for names in BY_SCRIPT.values() for name in names} <= {*TOKENIZATIONS}


@pytest.mark.parametrize("line", [*CHINESE, *JAPANESE, *THAI, "你好", "好", "ありがとう", "สวัสดี"])
def test_a_perfect_line_has_100(line: str) -> None:
    """13a takes a line without spaces for one or two tokens, in which there is no 4-gram."""
    assert bleu([line], [line]) == pytest.approx(100)
    assert BLEU(tokenize="13a").corpus_score([line], [[line]]).score < 1e-6


def test_short_references_have_a_lower_order_which_the_signature_shows() -> None:
    short = score_translations(["你好", "谢谢"], ["你好", "再见"])
    expected = BLEU(tokenize="zh", effective_order=True)
    assert short.bleu == expected.corpus_score(["你好", "谢谢"], [["你好", "再见"]]).score
    assert 0 < short.bleu < 100
    assert "|eff:yes|tok:zh|" in short.signatures["bleu"]
    one_long = score_translations(["你好", *CHINESE], ["你好", *CHINESE])
    assert "|eff:no|tok:zh|" in one_long.signatures["bleu"]


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_ja_mecab, "MeCab", None)
    with pytest.raises(ArgumentError, match='"ja-mecab" needs MeCab with its IPA') as caught:
        make_bleu("ja-mecab")
    assert caught.value.hint == 'pip install "sacrebleu[ja]"'


@pytest.mark.parametrize("name", ["flores200", "flores101", "spm"])
@pytest.mark.parametrize("error", [URLError("no network"), SystemExit(1), PermissionError("no")])
def test_a_model_that_cannot_be_downloaded(
    name: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(tokenizer_spm, "SACREBLEU_DIR", str(tmp_path))
    monkeypatch.setattr(tokenizer_spm, "download_file", fail)
    with pytest.raises(ArgumentError, match=f'"{name}" needs a SentencePiece model') as caught:
        make_bleu(name)
    assert tokenizer_spm.SPM_MODELS[name]["url"] in (caught.value.hint or "")


def test_a_damaged_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted download leaves an empty file, which sacreBLEU takes for the model."""
    monkeypatch.setattr(tokenizer_spm, "SACREBLEU_DIR", str(tmp_path))
    (tmp_path / "models").mkdir()
    url = str(tokenizer_spm.SPM_MODELS["flores200"]["url"])
    (tmp_path / "models" / Path(url).name).write_bytes(b"")
    with pytest.raises(ArgumentError, match="cannot download or read") as caught:
        make_bleu("flores200")
    assert "a damaged file there must be deleted" in (caught.value.hint or "")


def test_a_name_that_sacrebleu_does_not_have() -> None:
    with pytest.raises(ArgumentError, match='no tokenization "ja-mecap"') as caught:
        make_bleu("ja-mecap")
    assert caught.value.hint == 'did you mean "ja-mecab"?'
    with pytest.raises(ArgumentError) as caught:
        make_bleu("words")
    assert "auto, none, zh" in (caught.value.hint or "")
