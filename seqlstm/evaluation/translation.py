"""BLEU, chrF2++ and TER of translations on detokenised text, each with its signature.

sacreBLEU (Post, 2018) computes all but `exact_match`, with its own defaults: BLEU on 13a tokens and
chrF2++ are case-sensitive, TER is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.metrics.base import Metric


@dataclass(frozen=True)
class TranslationScores:
    """Corpus scores, all in percent.

    Attributes:
        bleu: BLEU (Papineni et al., 2002); more is better.
        chrf: chrF2++, characters and words up to pairs (Popović, 2017); more is better.
        ter: translation edit rate (Snover et al., 2006); less is better, and may exceed 100.
        exact_match: lines equal to their reference, ignoring white space at both ends.
        sentences: number of scored lines.
        signatures: from sacreBLEU, by the names `bleu`, `chrf` and `ter`.
    """

    bleu: float
    chrf: float
    ter: float
    exact_match: float
    sentences: int
    signatures: dict[str, str]


def score_translations(hypotheses: Sequence[str], references: Sequence[str]) -> TranslationScores:
    """Score detokenised translations, line by line against one reference each.

    Raises:
        ValueError: there are no lines, or the numbers of hypotheses and references differ.
    """
    metrics = make_metrics()
    scores = {name: _score(metric, hypotheses, references) for name, metric in metrics.items()}
    pairs = zip(hypotheses, references, strict=True)
    matches = sum(hypothesis.strip() == reference.strip() for hypothesis, reference in pairs)
    return TranslationScores(
        **scores,
        exact_match=100 * matches / len(references),
        sentences=len(references),
        signatures={name: str(metric.get_signature()) for name, metric in metrics.items()},
    )


@dataclass(frozen=True)
class LowercaseScores:
    """Case-insensitive corpus scores, which some papers report.

    Attributes:
        bleu: of lower-cased text, in percent.
        chrf: chrF2++, likewise.
        signatures: from sacreBLEU, by the names `bleu` and `chrf`.
    """

    bleu: float
    chrf: float
    signatures: dict[str, str]


def score_lowercase(hypotheses: Sequence[str], references: Sequence[str]) -> LowercaseScores:
    """Score lower-cased translations by BLEU and chrF2++; TER always ignores case.

    Raises:
        ValueError: as `score_translations`.
    """
    metrics: dict[str, Metric] = {
        "bleu": BLEU(lowercase=True),
        "chrf": CHRF(word_order=2, lowercase=True),
    }
    scores = {name: _score(metric, hypotheses, references) for name, metric in metrics.items()}
    signatures = {name: str(metric.get_signature()) for name, metric in metrics.items()}
    return LowercaseScores(**scores, signatures=signatures)


def bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU alone, in percent; raises as `score_translations` does."""
    return _score(make_metrics()["bleu"], hypotheses, references)


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Corpus chrF2++ alone, in percent; raises as `score_translations` does."""
    return _score(make_metrics()["chrf"], hypotheses, references)


def make_metrics() -> dict[str, Metric]:
    """The metrics of sacreBLEU, by their names in `TranslationScores`."""
    return {"bleu": BLEU(), "chrf": CHRF(word_order=2), "ter": TER()}


def _score(metric: Metric, hypotheses: Sequence[str], references: Sequence[str]) -> float:
    if not references or len(hypotheses) != len(references):
        raise ValueError(
            "there must be as many hypotheses as references, and at least one,"
            f" were: {len(hypotheses)} and {len(references)}"
        )
    return float(metric.corpus_score(hypotheses, [references]).score)


def sentence_chrf(hypothesis: str, reference: str) -> float:
    """chrF2++ of one sentence (Popović, 2017), in percent, as sacreBLEU computes it."""
    return float(_chrf_with_reference(reference).corpus_score([hypothesis], None).score)


@lru_cache(maxsize=1024)
def _chrf_with_reference(reference: str) -> CHRF:
    """chrF2++ with the n-grams of a reference, cached for its next hypotheses."""
    return CHRF(word_order=2, references=[[reference]])
