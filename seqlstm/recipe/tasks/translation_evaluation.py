"""Scores and comparison of translators on pairs of sentences."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from seqlstm.data.sources.read import Corpus
from seqlstm.errors import ArgumentError
from seqlstm.evaluation.significance import compare_translations
from seqlstm.evaluation.tokenization import AUTO, choose_tokenization
from seqlstm.evaluation.translation import score_lowercase, score_translations
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.recipe.tasks.base import ComparedRuns, Evaluation

SEARCH_OPTIONS = ("beam_size", "length_penalty", "batch")


def references_of(corpus: Corpus) -> list[Sequence[str]]:
    """The targets of a corpus of pairs, and its further references."""
    return [[target for _, target in corpus.pairs], *corpus.references]


def settle(tokenize: str, references: Sequence[Sequence[str]]) -> str:
    """The tokens of BLEU; if they are "auto", chosen for the references, with a warning."""
    if tokenize != AUTO:
        return tokenize
    choice = choose_tokenization(line for lines in references for line in lines)
    if choice.reason:
        warnings.warn(str(choice), stacklevel=2)
    return choice.name


def evaluate_translator(
    loaded: LoadedTranslator, corpus: Corpus, options: Mapping[str, Any]
) -> Evaluation:
    """Translate the sources of a corpus and score the translations."""
    lines, references = [source for source, _ in corpus.pairs], references_of(corpus)
    tokenize = settle(options["tokenize"], references)
    hypotheses, seconds, signature = translate(loaded, lines, options)
    scores = score_translations(hypotheses, references, tokenize=tokenize)
    values = {name: getattr(scores, name) for name in ("bleu", "chrf", "ter")}
    signatures = scores.signatures
    if options.get("lowercase"):
        lower = score_lowercase(hypotheses, references, tokenize=tokenize)
        values |= {"bleu_lowercase": lower.bleu, "chrf_lowercase": lower.chrf}
        signatures = signatures | {f"{name}_lowercase": s for name, s in lower.signatures.items()}
    values |= {
        "exact_match": scores.exact_match,
        "sentences": scores.sentences,
        "seconds": seconds,
        "sentences_per_second": scores.sentences / seconds,
        "signatures": signatures | {"search": signature},
    }
    return Evaluation(values, hypotheses)


def compare_translators(
    runs: Iterable[str],
    corpus: Corpus,
    *,
    load: Callable[[str], LoadedTranslator],
    resamples: int,
    options: Mapping[str, Any],
) -> ComparedRuns:
    """Translate with every run, and compare the translations with those of the first."""
    lines, references = [source for source, _ in corpus.pairs], references_of(corpus)
    tokenize = settle(options["tokenize"], references)
    translations, signatures = {}, {}
    for path in runs:
        translations[path], _, signatures[path] = translate(load(path), lines, options)
    comparison = compare_translations(
        translations, references, tokenize=tokenize, resamples=resamples
    )
    return ComparedRuns(comparison, len(lines), signatures, translations)


def translate(
    loaded: LoadedTranslator, lines: Sequence[str], options: Mapping[str, Any]
) -> tuple[list[str], float, str]:
    """Translations, the seconds that they took, and the signature of the search."""
    search = {name: options[name] for name in SEARCH_OPTIONS if name in options}
    search.setdefault("batch", 64)
    began = time.perf_counter()
    hypotheses = loaded.translate(lines, **search)
    return hypotheses, time.perf_counter() - began, loaded.signature(**search)


def check_direction(first: str, ours: list[str], path: str, theirs: list[str]) -> None:
    """Compare the columns of two runs; of nested columns the last names count.

    Raises:
        ArgumentError: the runs translate in opposite directions.
    """
    our, their = ([name.rpartition(".")[2] for name in pair] for pair in (ours, theirs))
    directions = f"{first} translates {our[0]} to {our[1]}, {path} {their[0]} to {their[1]}"
    if our != their and our == their[::-1]:
        raise ArgumentError(f"{directions}: they cannot compete")
    if our != their:
        warnings.warn(f"{directions}: both are given {our[0]} to translate", stacklevel=2)
