"""BLEU, chrF2++ and TER of translations on detokenised text, each with its signature.

sacreBLEU (Post, 2018) computes all but `exact_match`, with its own defaults: BLEU and chrF2++ are
case-sensitive, TER is not. BLEU counts the tokens that suit the language; chrF2++ and TER take
words as white space separates them, in every language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.metrics.base import Metric

from seqlstm.evaluation.tokenization import AUTO, choose_tokenization, make_bleu

References = Sequence[str] | Sequence[Sequence[str | None]]
"""One reference for each line; or several sets of them, as sacreBLEU takes them."""
ReferenceSets = list[list[str | None]]


@dataclass(frozen=True)
class TranslationScores:
    """Corpus scores, all in percent.

    Attributes:
        bleu: BLEU (Papineni et al., 2002); more is better.
        chrf: chrF2++, characters and words up to pairs (Popović, 2017); more is better.
        ter: translation edit rate (Snover et al., 2006); less is better, and may exceed 100.
        exact_match: lines equal to a reference, ignoring white space at both ends.
        sentences: number of scored lines.
        signatures: from sacreBLEU, by the names `bleu`, `chrf` and `ter`.
    """

    bleu: float
    chrf: float
    ter: float
    exact_match: float
    sentences: int
    signatures: dict[str, str]


def score_translations(
    hypotheses: Sequence[str], references: References, *, tokenize: str = AUTO
) -> TranslationScores:
    """Score detokenised translations, line by line against one or more references.

    Args:
        hypotheses: the translations.
        references: one for each line, or several sets of such lines; a set has None, or an empty
            line, where it has no reference.
        tokenize: which tokens BLEU counts, by sacreBLEU's name; "auto" chooses by the script of
            the references.

    Raises:
        ValueError: there are no lines, or the numbers of hypotheses and references differ.
        ArgumentError: there is no such tokenization, or what it needs is missing.
    """
    sets = reference_sets(references, len(hypotheses))
    metrics = make_metrics(sets, tokenize=tokenize)
    scores = {name: _score(metric, hypotheses, sets) for name, metric in metrics.items()}
    return TranslationScores(
        **scores,
        exact_match=100 * _count_matches(hypotheses, sets) / len(hypotheses),
        sentences=len(hypotheses),
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


def score_lowercase(
    hypotheses: Sequence[str], references: References, *, tokenize: str = AUTO
) -> LowercaseScores:
    """Score lower-cased translations by BLEU and chrF2++; TER always ignores case.

    Args and errors are those of `score_translations`.
    """
    sets = reference_sets(references, len(hypotheses))
    metrics: dict[str, Metric] = {
        "bleu": bleu_metric(sets, tokenize, lowercase=True),
        "chrf": CHRF(word_order=2, lowercase=True),
    }
    scores = {name: _score(metric, hypotheses, sets) for name, metric in metrics.items()}
    signatures = {name: str(metric.get_signature()) for name, metric in metrics.items()}
    return LowercaseScores(**scores, signatures=signatures)


def bleu(hypotheses: Sequence[str], references: References, *, tokenize: str = AUTO) -> float:
    """Corpus BLEU alone, in percent; with the arguments and errors of `score_translations`."""
    sets = reference_sets(references, len(hypotheses))
    return _score(bleu_metric(sets, tokenize), hypotheses, sets)


def chrf(hypotheses: Sequence[str], references: References) -> float:
    """Corpus chrF2++ alone, in percent; with the errors of `score_translations`."""
    return _score(CHRF(word_order=2), hypotheses, reference_sets(references, len(hypotheses)))


def make_metrics(references: ReferenceSets, *, tokenize: str = AUTO) -> dict[str, Metric]:
    """The metrics of sacreBLEU for a corpus, by their names in `TranslationScores`."""
    return {"bleu": bleu_metric(references, tokenize), "chrf": CHRF(word_order=2), "ter": TER()}


def bleu_metric(references: ReferenceSets, tokenize: str, *, lowercase: bool = False) -> BLEU:
    """BLEU for a corpus.

    A corpus without a reference of four tokens has no 4-gram to find: then BLEU has a lower order
    (sacreBLEU's effective order, which the signature shows), or perfect translations had 0.

    Raises:
        ArgumentError: as `score_translations`.
    """
    texts = [text for lines in references for text in lines if text]
    name = choose_tokenization(texts).name if tokenize == AUTO else tokenize
    metric = make_bleu(name, lowercase=lowercase)
    long = (len(metric.tokenizer(text).split()) >= metric.max_ngram_order for text in texts)
    metric.effective_order = not any(long)
    return metric


def reference_sets(references: References, lines: int) -> ReferenceSets:
    """The references as sacreBLEU takes several: sets of lines, each with one for every hypothesis.

    An empty reference beside another of the same line becomes None: no reference.

    Raises:
        ValueError: there are no lines, or a set has another number of lines than `lines`.
    """
    single = not references or isinstance(references[0], str)
    sets: list[Sequence[str | None]] = [references] if single else [*references]  # type: ignore[list-item]
    for one in sets:
        if not one or len(one) != lines:
            raise ValueError(
                "there must be as many hypotheses as references, and at least one,"
                f" were: {lines} and {len(one)}"
            )
    rows = [_present(row) for row in zip(*sets, strict=True)]
    return [[*column] for column in zip(*rows, strict=True)]


def _present(row: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """The references of a line, with None for empty ones; if all are empty, the first stays."""
    present = tuple(text if text and text.strip() else None for text in row)
    return present if any(present) else (row[0] or "", *present[1:])


def _count_matches(hypotheses: Sequence[str], references: ReferenceSets) -> int:
    """The number of hypotheses that equal one of their references."""
    rows = zip(hypotheses, *references, strict=True)
    return sum(
        hypothesis.strip() in {text.strip() for text in row if text is not None}
        for hypothesis, *row in rows
    )


def _score(metric: Metric, hypotheses: Sequence[str], references: ReferenceSets) -> float:
    return float(metric.corpus_score(hypotheses, references).score)


def sentence_chrf(hypothesis: str, reference: str) -> float:
    """chrF2++ of one sentence (Popović, 2017), in percent, as sacreBLEU computes it."""
    return float(_chrf_with_reference(reference).corpus_score([hypothesis], None).score)


@lru_cache(maxsize=1024)
def _chrf_with_reference(reference: str) -> CHRF:
    """chrF2++ with the n-grams of a reference, cached for its next hypotheses."""
    return CHRF(word_order=2, references=[[reference]])
