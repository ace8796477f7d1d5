"""Scores against one and several references, compared with sacreBLEU's own."""

from __future__ import annotations

import pytest
import sacrebleu
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

from seqlstm.evaluation.significance import compare_translations
from seqlstm.evaluation.translation import (
    References,
    bleu,
    chrf,
    score_lowercase,
    score_translations,
)

VERSION = f"version:{sacrebleu.__version__}"
HYPOTHESES = {
    "13a": ["Ein Mann fährt auf einem Rad.", "Zwei Hunde rennen durch Gras.", "Eine Frau liest."],
    "zh": ["我今天在图书馆看书。", "他们去北京看了长城。", "你好。"],
    "ja-mecab": ["私は図書館で本を読んだ。", "コーヒーを一つください。", "こんにちは。"],
    "char": ["ฉันอ่านหนังสือ", "เขาไปกรุงเทพ", "สวัสดี"],
}
FIRST = {
    "13a": ["Ein Mann fährt Rad.", "Zwei Hunde rennen über das Gras.", "Eine Frau liest ein Buch."],
    "zh": ["我今天在图书馆里看书。", "他们昨天去了北京,看了长城。", "您好!"],
    "ja-mecab": ["私は昨日図書館で本を読みました。", "コーヒーをください。", "やあ。"],
    "char": ["เมื่อวานฉันอ่านหนังสือ", "เขาไปกรุงเทพฯ", "สวัสดีครับ"],
}
SECOND = {
    "13a": ["Ein Mann fährt auf einem Rad.", "Hunde laufen im Gras.", "Die Frau liest."],
    "zh": ["今天我在图书馆看书。", "他们昨天去北京看长城了。", "你好。"],
    "ja-mecab": ["昨日、図書館で本を読んだ。", "コーヒーを一つお願いします。", "こんにちは。"],
    "char": ["ฉันอ่านหนังสือเมื่อวาน", "เขาไปบางกอก", "สวัสดี"],
}
NAMES = tuple(HYPOTHESES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 2])
def test_figures_and_signatures_are_sacrebleus(name: str, count: int) -> None:
    hypotheses, sets = HYPOTHESES[name], [FIRST[name], SECOND[name]][:count]
    references: References = sets if count == 2 else sets[0]
    metrics = {"bleu": BLEU(tokenize=name), "chrf": CHRF(word_order=2), "ter": TER()}
    expected = {key: metric.corpus_score(hypotheses, sets) for key, metric in metrics.items()}
    # The tokenization is the one that the script asks for.
    for scores in (
        score_translations(hypotheses, references),
        score_translations(hypotheses, references, tokenize=name),
    ):
        assert scores.signatures == {
            key: str(metric.get_signature()) for key, metric in metrics.items()
        }
        assert {key: getattr(scores, key) for key in metrics} == {
            key: score.score for key, score in expected.items()
        }
        assert all(f"nrefs:{count}|" in signature for signature in scores.signatures.values())
    assert bleu(hypotheses, references, tokenize=name) == expected["bleu"].score
    assert chrf(hypotheses, references) == expected["chrf"].score
    lower = score_lowercase(hypotheses, references, tokenize=name)
    metric = BLEU(tokenize=name, lowercase=True)
    assert lower.bleu == metric.corpus_score(hypotheses, sets).score
    assert lower.signatures["bleu"] == str(metric.get_signature())


def test_a_second_reference_helps_and_an_exact_match_is_that_of_any() -> None:
    hypotheses, first, second = (sides["13a"] for sides in (HYPOTHESES, FIRST, SECOND))
    one, two = (
        score_translations(hypotheses, first),
        score_translations(hypotheses, [first, second]),
    )
    assert one.exact_match == 0
    assert two.exact_match == pytest.approx(100 / 3)
    assert two.bleu > one.bleu
    assert two.chrf > one.chrf
    assert two.ter < one.ter
    assert two.sentences == 3


def test_a_line_may_have_fewer_references() -> None:
    """An empty reference is none: sacreBLEU itself would take "" for a translation."""
    first, second = (sides["13a"] for sides in (FIRST, SECOND))
    hypotheses = [second[0], "Hunde rennen.", first[2]]
    expected = BLEU().corpus_score(hypotheses, [first, [second[0], None, None]])
    literal = BLEU().corpus_score(hypotheses, [first, [second[0], "", ""]])
    for missing in (None, "", "  "):
        scores = score_translations(hypotheses, [first, [second[0], missing, missing]])
        assert scores.bleu == expected.score != literal.score
        assert scores.exact_match == pytest.approx(200 / 3)
        assert all(one.startswith("nrefs:var|") for one in scores.signatures.values())
    swapped = score_translations(hypotheses, [[second[0], "", ""], first])
    assert swapped.bleu == pytest.approx(expected.score)


def test_a_line_without_any_reference_has_an_empty_one() -> None:
    scores = score_translations(["", "Ein Mann"], [["", "Ein Mann"], [None, "Der Mann"]])
    assert scores.exact_match == 100
    assert scores.ter == 0


def test_equal_references_change_nothing() -> None:
    """By definition of all three metrics."""
    hypotheses, first = HYPOTHESES["zh"], FIRST["zh"]
    one, two = score_translations(hypotheses, first), score_translations(hypotheses, [first] * 2)
    for name in ("bleu", "chrf", "ter", "exact_match"):
        assert getattr(one, name) == pytest.approx(getattr(two, name))


@pytest.mark.parametrize("name", NAMES)
def test_the_paired_bootstrap_is_sacrebleus(name: str) -> None:
    systems = {"a": HYPOTHESES[name], "b": SECOND[name], "c": FIRST[name]}
    sets = [FIRST[name], SECOND[name]]
    found = compare_translations(systems, sets, tokenize=name, resamples=30)
    signatures, columns = PairedTest(
        [*systems.items()],
        {"bleu": BLEU(tokenize=name), "chrf": CHRF(word_order=2), "ter": TER()},
        sets,
        test_type="bs",
        n_samples=30,
    )()
    assert [*found.signatures.values()] == [str(one) for one in signatures.values()]
    for metric, column in zip(found.signatures, [*columns.values()][1:], strict=True):
        for system, result in zip(systems, column, strict=True):
            score = found.scores[system][metric]
            assert (score.score, score.mean, score.ci) == (result.score, result.mean, result.ci)
            assert score.p in (result.p_value, None)
    assert compare_translations(systems, sets, resamples=30) == found


@pytest.mark.parametrize("function", [score_translations, score_lowercase, bleu, chrf])
def test_every_set_has_a_reference_for_each_line(function) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="were: 2 and 1"):
        function(["a", "b"], [["a", "b"], ["a"]])
    with pytest.raises(ValueError, match="were: 0 and 0"):
        function([], [[]])
