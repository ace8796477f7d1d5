"""A run's scores on a split of its own data or of others."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqlstm.config import Recipe
from seqlstm.config.sections import Data
from seqlstm.errors import ArgumentError
from seqlstm.evaluation.answers import encode_answers, score_answers
from seqlstm.evaluation.perplexity import score_text
from seqlstm.evaluation.translation import score_translations
from seqlstm.inference.language import LoadedLanguageModel
from seqlstm.inference.translation import LoadedTranslator
from seqlstm.recipe.corpora import read_split
from seqlstm.recipe.find import read_run_recipe
from seqlstm.recipe.load import load
from seqlstm.run import RunFolder


@dataclass(frozen=True)
class Evaluation:
    """What was measured, as `--json` prints it; a translator's translations."""

    values: dict[str, Any]
    translations: list[str] | None = None


def evaluate(
    path: Path,
    *,
    split: str = "test",
    source: str | None = None,
    width: int | None = None,
    length_penalty: float | None = None,
    batch: int | None = None,
    streams: int | None = None,
    translations: bool = False,
    **options: Any,
) -> Evaluation:
    """Score the run in a folder.

    Args:
        path: the run folder.
        split: of the data; sums too, as in "validation+test".
        source: other data than the recipe's, with the same columns.
        width, length_penalty, batch: of a translator's beam search.
        streams: parts of a language model's text that are read side by side: faster, but each
            begins without what came before it.
        translations: whether a translator's translations are wanted too.
        options: weights, device and precision, as `load` takes them.

    Raises:
        ArgumentError: what is for translators of a language model, or the other way round.
    """
    recipe = read_run_recipe(RunFolder.open(path))
    loaded = load(path, **options)
    if streams and (isinstance(loaded, LoadedTranslator) or recipe.data.answer is not None):
        raise ArgumentError(f"streams are for the text of a language model: {path} reads rows")
    if isinstance(loaded, LoadedTranslator):
        search = {"width": width, "length_penalty": length_penalty, "batch": batch or 64}
        return of_translator(loaded, recipe.data, split, source, search)
    if translations or not (width is length_penalty is batch is None):
        raise ArgumentError(
            f"output, width, length penalty and batch are for translators: {path} is none"
        )
    if recipe.data.answer is not None:
        return of_answers(loaded, recipe.data, split, source)
    return of_language_model(loaded, recipe, split, source, streams or 1)


def of_translator(
    loaded: LoadedTranslator,
    data: Data,
    split: str,
    source: str | None,
    search: dict[str, Any],
) -> Evaluation:
    pairs = read_split(data, split, source=source).pairs
    began = time.monotonic()
    found = loaded.translate([line for line, _ in pairs], **search)
    seconds = time.monotonic() - began
    scores = score_translations(found, [reference for _, reference in pairs])
    order = ("bleu", "chrf", "ter", "exact_match", "sentences", "seconds", "signatures")
    values = asdict(scores) | {"seconds": seconds}
    values["signatures"] = scores.signatures | {"search": loaded.signature(**search)}
    return Evaluation({key: values[key] for key in order}, found)


def of_language_model(
    loaded: LoadedLanguageModel, recipe: Recipe, split: str, source: str | None, streams: int
) -> Evaluation:
    scores = score_text(
        loaded.model,
        read_split(recipe.data, split, source=source).texts,
        tokenizer=loaded.tokenizer,
        precision=loaded.precision,
        unit=recipe.data.unit,
        resets=recipe.resets,
        streams=streams,
    )
    names = (
        *("nats_per_token", "perplexity_per_token", "perplexity_per_word", "bits_per_byte"),
        *("bits_per_character", "tokens", "words", "bytes", "characters", "signature"),
    )
    return Evaluation({name: getattr(scores, name) for name in names})


def of_answers(
    loaded: LoadedLanguageModel, data: Data, split: str, source: str | None
) -> Evaluation:
    """What alone is asked of a language model whose rows have answers."""
    pairs = read_split(data, split, source=source).pairs
    scores = score_answers(
        loaded.model,
        encode_answers(pairs, tokenizer=loaded.tokenizer),
        tokenizer=loaded.tokenizer,
        precision=loaded.precision,
    )
    names = ("accuracy", "nats_per_token", "rows", "tokens", "signature")
    return Evaluation({name: getattr(scores, name) for name in names})
