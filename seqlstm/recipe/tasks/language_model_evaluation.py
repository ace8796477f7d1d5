"""Evaluation of a language model: static scores, dynamic evaluation and a neural cache."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqlstm.config import Recipe
from seqlstm.errors import ArgumentError
from seqlstm.evaluation.dynamic_evaluation import GradientStatistics, score_dynamically
from seqlstm.evaluation.neural_cache import score_with_cache
from seqlstm.evaluation.perplexity import LanguageScores, bounded_exp, score_rows, score_text
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.text.script import lacks_spaces

MIN_CONTEXT = 256  # tokens, of sliding windows by default
SCORES = (
    *("nats_per_token", "perplexity_per_token", "perplexity_per_word", "bits_per_byte"),
    *("bits_per_character", "tokens", "words", "bytes", "characters", "signature"),
)


@dataclass(frozen=True)
class ContextOptions:
    """The context of predictions.

    Attributes:
        context: "carried" through the text, "reset" at documents or lines, or "sliding" windows.
        streams: contiguous parts of the text that are read side by side; None for one.
        min_context: tokens of context of sliding windows; None for `MIN_CONTEXT`.
    """

    context: str
    streams: int | None = None
    min_context: int | None = None

    @classmethod
    def of(cls, recipe: Recipe, options: Mapping[str, Any]) -> ContextOptions:
        """From the options of `evaluate`; by default the context is that of training."""
        context = options.get("context") or ("reset" if recipe.resets else "carried")
        return cls(context, options.get("streams"), options.get("min_context"))

    def check(self, options: Mapping[str, Any]) -> None:
        """Check the context together with the other options.

        Raises:
            ArgumentError: options contradict each other.
        """
        if self.context == "sliding" and self.streams:
            raise ArgumentError("streams cannot take effect on sliding windows")
        if self.context != "sliding" and self.min_context:
            raise ArgumentError(
                f"min_context cannot take effect where the context is {self.context}",
                hint="--context sliding has windows.",
            )
        if self.context != "carried" and (options.get("dynamic") or options.get("cache")):
            raise ArgumentError(
                f"dynamic evaluation and a cache read one text, and the context is {self.context}",
                hint="--context carried makes one of it.",
            )

    @property
    def keywords(self) -> dict[str, Any]:
        """Keyword arguments of `score_text` and `score_rows`."""
        return {
            "resets": self.context == "reset",
            "sliding": (self.min_context or MIN_CONTEXT) if self.context == "sliding" else 0,
            "streams": self.streams or 1,
        }


def evaluate_text(
    loaded: LoadedLanguageModel,
    rows: Sequence[str],
    context: ContextOptions,
    options: Mapping[str, Any],
    statistics: GradientStatistics | None,
) -> dict[str, Any]:
    """Static scores and, if wanted, dynamic evaluation, a cache, and scores of each document.

    Args:
        loaded: the language model.
        rows: documents or lines.
        context: of predictions.
        options: `documents`, `dynamic` and `cache`, as `evaluate` takes them.
        statistics: of gradients on training text, for dynamic evaluation.
    """
    common: dict[str, Any] = {
        "tokenizer": loaded.tokenizer,
        "precision": loaded.precision,
        "unit": loaded.unit,
    }
    model, streams = loaded.model, context.streams or 1
    values = scores_by_name(score_text(model, rows, **common, **context.keywords))
    if lacks_spaces(rows):
        warnings.warn(
            "perplexity per word: this text has no spaces between words, so that whole phrases are "
            "counted as words; bits per byte and per character are comparable",
            stacklevel=2,
        )
    if dynamic := options.get("dynamic"):
        assert statistics is not None
        values["dynamic"] = scores_by_name(
            score_dynamically(
                model, rows, options=dynamic, statistics=statistics, streams=streams, **common
            )
        )
    if cache := options.get("cache"):
        values["cache"] = scores_by_name(
            score_with_cache(model, rows, options=cache, streams=streams, **common)
        )
    if options.get("documents"):
        values["documents"] = scores_by_document(loaded, rows, context, common)
    return values


def scores_by_name(scores: LanguageScores) -> dict[str, Any]:
    return {name: getattr(scores, name) for name in SCORES}


def scores_by_document(
    loaded: LoadedLanguageModel,
    rows: Sequence[str],
    context: ContextOptions,
    common: dict[str, Any],
) -> list[dict[str, Any]]:
    """The scores of each document or line, in the order of the text."""
    scores = score_rows(loaded.model, rows, **common, **context.keywords)
    lines = "\n".join(rows).split("\n") if loaded.unit == "line" else rows
    columns = (scores.nats, scores.tokens, scores.words, scores.bytes)
    return [
        {
            "begins": line.strip()[:40].split("\n")[0],
            "nats": nats,
            "tokens": int(tokens),
            "words": int(words),
            "bytes": int(size),
            "perplexity_per_token": bounded_exp(nats / tokens),
            "perplexity_per_word": bounded_exp(nats / words),
        }
        for line, nats, tokens, words, size in zip(
            lines, *(column.tolist() for column in columns), strict=True
        )
    ]
