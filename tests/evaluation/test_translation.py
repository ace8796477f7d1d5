from __future__ import annotations

from math import exp, log

import pytest
import sacrebleu

from seqlstm.evaluation.translation import bleu, chrf, score_lowercase, score_translations

HYPOTHESES = [
    "A man in an orange hat is looking at something.",
    "A dog runs on green grass in front of a white fence.",
    "five people with helmets stand in the snow",
    "Ein Mann schläft.",
]
REFERENCES = [
    "A man in an orange hat starring at something.",
    "A Boston Terrier is running on lush green grass in front of a white fence.",
    "Five people wearing winter jackets and helmets stand in the snow",
    "Ein Mann schläft.",
]


def test_scores_are_sacrebleus_own() -> None:
    scores = score_translations(HYPOTHESES, REFERENCES)
    assert scores.bleu == sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES]).score
    assert scores.chrf == sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES], word_order=2).score
    assert scores.ter == sacrebleu.corpus_ter(HYPOTHESES, [REFERENCES]).score
    assert scores.sentences == 4
    assert scores.exact_match == 25.0


def test_single_metrics_are_the_same() -> None:
    scores = score_translations(HYPOTHESES, REFERENCES)
    assert bleu(HYPOTHESES, REFERENCES) == scores.bleu
    assert chrf(HYPOTHESES, REFERENCES) == scores.chrf


def test_bleu_by_hand() -> None:
    """Seven tokens with the full stop, one wrong: precisions 6/7, 4/6, 2/5, 1/4; as long."""
    expected = 100 * exp((log(6 / 7) + log(4 / 6) + log(2 / 5) + log(1 / 4)) / 4)
    assert bleu(["The cat sat on the mat."], ["The cat sat on a mat."]) == pytest.approx(expected)


def test_ter_by_hand() -> None:
    """One of six words is replaced."""
    scores = score_translations(["The cat sat on the mat."], ["The cat sat on a mat."])
    assert scores.ter == pytest.approx(100 / 6)


def test_a_perfect_translation() -> None:
    scores = score_translations(REFERENCES, REFERENCES)
    assert scores.bleu == pytest.approx(100)
    assert scores.chrf == pytest.approx(100)
    assert (scores.ter, scores.exact_match) == (0, 100)


def test_case_counts() -> None:
    lower = [line.lower() for line in REFERENCES]
    scores = score_translations(lower, REFERENCES)
    assert scores.bleu < 100
    assert scores.exact_match == 0


def test_lower_cased_scores() -> None:
    lower = [line.lower() for line in HYPOTHESES], [line.lower() for line in REFERENCES]
    scores, plain = score_lowercase(HYPOTHESES, REFERENCES), score_translations(*lower)
    assert (scores.bleu, scores.chrf) == (plain.bleu, plain.chrf)
    assert scores.bleu != score_translations(HYPOTHESES, REFERENCES).bleu
    version = f"version:{sacrebleu.__version__}"
    assert scores.signatures == {
        "bleu": f"nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|{version}",
        "chrf": f"nrefs:1|case:lc|eff:yes|nc:6|nw:2|space:no|{version}",
    }


def test_white_space_at_the_ends_is_no_difference() -> None:
    assert score_translations([" a b \n"], ["a b"]).exact_match == 100
    assert score_translations(["a  b"], ["a b"]).exact_match == 0


def test_signatures() -> None:
    signatures = score_translations(HYPOTHESES, REFERENCES).signatures
    version = f"version:{sacrebleu.__version__}"
    assert signatures == {
        "bleu": f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|{version}",
        "chrf": f"nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|{version}",
        "ter": f"nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|{version}",
    }


@pytest.mark.parametrize("function", [score_translations, score_lowercase, bleu, chrf])
def test_counts_must_agree(function) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="were: 1 and 2"):
        function(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="were: 0 and 0"):
        function([], [])
