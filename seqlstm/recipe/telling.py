"""What `evaluate` says of a language model: as it is, and by what it may do beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seqlstm.errors import ArgumentError
from seqlstm.evaluation.dynamic_evaluation import (
    DynamicEvaluation,
    GradientStatistics,
    score_dynamically,
)
from seqlstm.evaluation.neural_cache import NeuralCache, score_with_cache
from seqlstm.evaluation.perplexity import (
    LanguageScores,
    bounded_exp,
    score_rows,
    score_text,
)
from seqlstm.inference.language_model import LoadedLanguageModel

LEAST = 256
SCORES = (
    *("nats_per_token", "perplexity_per_token", "perplexity_per_word", "bits_per_byte"),
    *("bits_per_character", "tokens", "words", "bytes", "characters", "signature"),
)


@dataclass(frozen=True)
class Telling:
    """How a text is told.

    Attributes:
        context: "carried", "reset" or "sliding".
        streams: parts read side by side.
        min_context: pieces known to a prediction of sliding windows.
        documents: whether to tell what falls to each document or line.
        dynamic: how to learn from the text, reported apart.
        cache: what to keep of it, reported apart.
        statistics: of gradients on training text, for `dynamic`.
    """

    context: str
    streams: int | None = None
    min_context: int | None = None
    documents: bool = False
    dynamic: DynamicEvaluation | None = None
    cache: NeuralCache | None = None
    statistics: GradientStatistics | None = None

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            ArgumentError: names the settings.
        """
        if self.context == "sliding" and self.streams:
            raise ArgumentError("streams cannot take effect on sliding windows")
        if self.context != "sliding" and self.min_context:
            raise ArgumentError(
                f"min_context cannot take effect where the context is {self.context}",
                hint="--context sliding has windows.",
            )
        if self.context != "carried" and (self.dynamic or self.cache):
            raise ArgumentError(
                f"dynamic evaluation and a cache read one text, and the context is {self.context}",
                hint="--context carried makes one of it.",
            )

    @property
    def options(self) -> dict[str, Any]:
        """Of `score_text` and `score_rows`."""
        return {
            "resets": self.context == "reset",
            "sliding": (self.min_context or LEAST) if self.context == "sliding" else 0,
            "streams": self.streams or 1,
        }


def of_language_model(
    loaded: LoadedLanguageModel, rows: Sequence[str], telling: Telling, *, unit: str
) -> dict[str, Any]:
    """The static scores; below their names those of each document, by learning, and by a cache."""
    model = loaded.model
    how: dict[str, Any] = {
        "tokenizer": loaded.tokenizer,
        "precision": loaded.precision,
        "unit": unit,
    }
    values = scores_by_name(score_text(model, rows, **how, **telling.options))
    how_at_once = how | {"streams": telling.streams or 1}
    if telling.dynamic:
        assert telling.statistics is not None
        options, statistics = telling.dynamic, telling.statistics
        learned = score_dynamically(
            model, rows, options=options, statistics=statistics, **how_at_once
        )
        values["dynamic"] = scores_by_name(learned)
    if telling.cache:
        cached = score_with_cache(model, rows, options=telling.cache, **how_at_once)
        values["cache"] = scores_by_name(cached)
    if telling.documents:
        values["documents"] = by_document(loaded, rows, telling, how)
    return values


def scores_by_name(scores: LanguageScores) -> dict[str, Any]:
    return {name: getattr(scores, name) for name in SCORES}


def by_document(
    loaded: LoadedLanguageModel, rows: Sequence[str], telling: Telling, how: dict[str, Any]
) -> list[dict[str, Any]]:
    """A table for each document or line, in the text's order."""
    scores = score_rows(loaded.model, rows, **how, **telling.options)
    lines = "\n".join(rows).split("\n") if how["unit"] == "line" else rows
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
