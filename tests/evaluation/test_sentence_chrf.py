"""Sentence chrF, the utility of minimum Bayes risk decoding."""

from __future__ import annotations

import pytest
from sacrebleu.metrics import CHRF

from seqlstm.evaluation.translation import sentence_chrf

TEXTS = ["Ein Mann fährt Rad.", "Ein Mann fährt Fahrrad.", "Zwei Hunde.", "", "Ein Mann fährt Rad"]


@pytest.mark.parametrize("reference", TEXTS)
@pytest.mark.parametrize("hypothesis", TEXTS)
def test_it_equals_sacrebleu(hypothesis: str, reference: str) -> None:
    expected = CHRF(word_order=2).sentence_score(hypothesis, [reference]).score
    assert sentence_chrf(hypothesis, reference) == pytest.approx(expected)


def test_the_same_is_best() -> None:
    assert sentence_chrf(TEXTS[0], TEXTS[0]) == pytest.approx(100)
    assert sentence_chrf(TEXTS[2], TEXTS[0]) < sentence_chrf(TEXTS[1], TEXTS[0]) < 100
