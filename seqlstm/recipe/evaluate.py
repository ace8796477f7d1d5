"""A run's scores on a split of its own data or of others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from seqlstm.config import Recipe
from seqlstm.config.parse import toml_value
from seqlstm.data.batching.streams import encode_stream
from seqlstm.data.sources.read import FilesBySplit, Pair
from seqlstm.errors import ArgumentError
from seqlstm.evaluation.accuracy import encode_prompts, score_prompts
from seqlstm.evaluation.dynamic_evaluation import (
    DynamicEvaluation,
    GradientStatistics,
    gather_statistics,
)
from seqlstm.evaluation.neural_cache import NeuralCache
from seqlstm.evaluation.translation import score_lowercase, score_translations
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.recipe.corpus import read_split
from seqlstm.recipe.load import load_language_model, load_together
from seqlstm.recipe.read import read_run_recipe
from seqlstm.recipe.telling import Telling, of_language_model
from seqlstm.run.folder import RunFolder


@dataclass(frozen=True)
class Evaluation:
    """What was measured, as `--json` prints it; a translator's translations."""

    values: dict[str, Any]
    translations: list[str] | None = None


def evaluate(path: Path, *, source: str | None = None, **settings: Any) -> Evaluation:
    """Score the run in a folder.

    Args:
        path: the run folder.
        source: other data than the recipe's, as `evaluate_each` takes them.
        settings: as `evaluate_each` takes them.

    Raises:
        ArgumentError: what is for translators of a language model, or the other way round.
    """
    (found,) = evaluate_each(path, [source], **settings)
    return found


def evaluate_each(
    path: Path,
    sources: Sequence[str | None],
    *,
    others: Sequence[Path] = (),
    split: str = "test",
    beam_size: int | None = None,
    length_penalty: float | None = None,
    batch: int | None = None,
    streams: int | None = None,
    context: str | None = None,
    min_context: int | None = None,
    documents: bool = False,
    dynamic: DynamicEvaluation | None = None,
    cache: NeuralCache | None = None,
    lowercase: bool = False,
    translations: bool = False,
    **options: Any,
) -> list[Evaluation]:
    """Score the run in a folder on several sources; all are read before the first is scored.

    Args:
        path: the run folder.
        sources: of data with the columns of the recipe's, or files by split as a table in TOML;
            None for the recipe's own.
        others: runs whose probabilities are averaged with a translator's.
        split: of each; sums too, as in "validation+test".
        beam_size, length_penalty, batch: of a translator's beam search.
        streams: parts of a language model's text that are read side by side: faster, but each
            begins without what came before it.
        context: what a language model knows of its text: "carried" through all of it, "reset" with
            every document or line, or "sliding" windows; as it was trained, if None.
        min_context: pieces before each prediction of sliding windows, but at the beginning.
        documents: whether a language model's scores are wanted of each document or line too.
        dynamic: how a language model learns from the text that it is scored on, reported apart.
        cache: what it keeps of that text beside its state, reported apart.
        lowercase: whether a translator's BLEU and chrF are wanted of lower-cased text too.
        translations: whether a translator's translations are wanted too.
        options: weights, device and precision, as `load` takes them.

    Raises:
        ArgumentError: what is for translators of a language model, or the other way round.
    """
    recipe = read_run_recipe(RunFolder.open(path))
    search = {"beam_size": beam_size, "length_penalty": length_penalty, "batch": batch}
    more = {"with": bool(others), "output": translations, "lowercase": lowercase}
    telling = Telling(
        context=context or ("reset" if recipe.resets else "carried"),
        streams=streams,
        min_context=min_context,
        documents=documents,
        dynamic=dynamic,
        cache=cache,
    )
    for_text: dict[str, Any] = {
        "streams": streams,
        "context": context,
        "min_context": min_context,
        "documents": documents,
    }
    for_text |= {"dynamic": dynamic, "cache": cache}
    refuse_idle(path, recipe, for_text=for_text, for_translators=search | more)
    telling.check()
    corpora = [read_split(recipe.data, split, source=source_of(one)) for one in sources]
    if recipe.task == "translation":
        ensemble = load_together(path, others, **options)
        return [of_translator(ensemble, one.pairs, search, lowercase) for one in corpora]
    loaded = load_language_model(path, **options)
    if recipe.data.completion is not None:
        return [of_answers(loaded, one.pairs) for one in corpora]
    if dynamic:
        telling = replace(telling, statistics=gather(loaded, recipe, dynamic))
    return [
        Evaluation(of_language_model(loaded, one.texts, telling, unit=recipe.data.unit))
        for one in corpora
    ]


def source_of(text: str | None) -> str | FilesBySplit | None:
    """What a recipe's `data.source` would be, from the command line: a name, or files by split.

    Raises:
        ArgumentError: a table that is none.
    """
    if text is None or not text.lstrip().startswith("{"):
        return text
    table = toml_value(text)
    listed = [*table.values()] if isinstance(table, dict) else [None]
    files = [file for one in listed for file in (one if isinstance(one, list) else [one])]
    if not files or not all(isinstance(file, str) for file in files):
        raise ArgumentError(
            f"{text} names no files by split",
            hint='Right would be: \'{test = ["a.en", "a.de"]}\'',
        )
    return cast(FilesBySplit, table)


def refuse_idle(
    path: Path, recipe: Recipe, *, for_text: dict[str, Any], for_translators: dict[str, Any]
) -> None:
    """Make sure that every setting that is given can take effect on the run.

    Raises:
        ArgumentError: one cannot.
    """
    translates = recipe.task == "translation"
    if (names := given(for_text)) and (translates or recipe.data.completion is not None):
        told = "is a translator" if translates else "is scored by its answers"
        raise ArgumentError(f"{names}: for the text of a language model, and {path} {told}")
    if (names := given(for_translators)) and not translates:
        raise ArgumentError(f"{names}: for translators, and {path} is none")


def given(settings: dict[str, Any]) -> str:
    """The names of those that somebody has set."""
    names = [name for name, value in settings.items() if value not in (None, False)]
    return ", ".join(names).replace("_", " ")


def of_translator(
    loaded: LoadedTranslator, pairs: Sequence[Pair], search: dict[str, Any], lowercase: bool
) -> Evaluation:
    found, seconds, signature = translated(loaded, [line for line, _ in pairs], search)
    references = [reference for _, reference in pairs]
    scores = score_translations(found, references)
    values = {name: getattr(scores, name) for name in ("bleu", "chrf", "ter")}
    signatures = scores.signatures
    if lowercase:
        lower = score_lowercase(found, references)
        values |= {"bleu_lowercase": lower.bleu, "chrf_lowercase": lower.chrf}
        signatures = signatures | {f"{name}_lowercase": s for name, s in lower.signatures.items()}
    values |= {
        "exact_match": scores.exact_match,
        "sentences": scores.sentences,
        "seconds": seconds,
        "sentences_per_second": scores.sentences / seconds,
        "signatures": signatures | {"search": signature},
    }
    return Evaluation(values, found)


def translated(
    loaded: LoadedTranslator, lines: Sequence[str], search: dict[str, Any]
) -> tuple[list[str], float, str]:
    """Translations, the seconds from raw text to raw text, and how they were searched for."""
    chosen = search | {"batch": search["batch"] or 64}
    began = time.perf_counter()
    found = loaded.translate(lines, **chosen)
    return found, time.perf_counter() - began, loaded.signature(**chosen)


def gather(
    loaded: LoadedLanguageModel, recipe: Recipe, options: DynamicEvaluation
) -> GradientStatistics:
    """Statistics of the model's gradients on the text that it was trained on."""
    rows = read_split(recipe.data, "train").texts
    stream = encode_stream(rows, tokenizer=loaded.tokenizer, unit=recipe.data.unit)
    return gather_statistics(loaded.model, stream, options, loaded.precision)


def of_answers(loaded: LoadedLanguageModel, pairs: Sequence[Pair]) -> Evaluation:
    """What alone is asked of a language model whose rows have answers."""
    scores = score_prompts(
        loaded.model,
        encode_prompts(pairs, tokenizer=loaded.tokenizer),
        tokenizer=loaded.tokenizer,
        precision=loaded.precision,
    )
    names = ("accuracy", "nats_per_token", "rows", "tokens", "signature")
    return Evaluation({name: getattr(scores, name) for name in names})
