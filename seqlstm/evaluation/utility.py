"""How good one translation is if another is right: what minimum Bayes risk averages."""

from __future__ import annotations

from functools import lru_cache

from sacrebleu.metrics import CHRF


def sentence_chrf(hypothesis: str, reference: str) -> float:
    """chrF2++ of one sentence (Popović, 2017), in percent, as sacreBLEU computes it."""
    return float(_against(reference).corpus_score([hypothesis], None).score)


@lru_cache(maxsize=1024)
def _against(reference: str) -> CHRF:
    """The metric with the n-grams of a reference, which many hypotheses are compared to."""
    return CHRF(word_order=2, references=[[reference]])
