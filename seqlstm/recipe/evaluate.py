"""A run's scores on a split of its own data or of others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from seqlstm.config import Recipe
from seqlstm.config.parse import toml_value
from seqlstm.data.sources import FilesBySplit, Pair
from seqlstm.errors import ArgumentError
from seqlstm.evaluation.answers import encode_answers, score_answers
from seqlstm.evaluation.perplexity import score_text
from seqlstm.evaluation.translation import score_lowercase, score_translations
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
    split: str = "test",
    width: int | None = None,
    length_penalty: float | None = None,
    batch: int | None = None,
    streams: int | None = None,
    lowercase: bool = False,
    translations: bool = False,
    **options: Any,
) -> list[Evaluation]:
    """Score the run in a folder on several sources; all are read before the first is scored.

    Args:
        path: the run folder.
        sources: of data with the columns of the recipe's, or files by split as a table in TOML;
            None for the recipe's own.
        split: of each; sums too, as in "validation+test".
        width, length_penalty, batch: of a translator's beam search.
        streams: parts of a language model's text that are read side by side: faster, but each
            begins without what came before it.
        lowercase: whether a translator's BLEU and chrF are wanted of lower-cased text too.
        translations: whether a translator's translations are wanted too.
        options: weights, device and precision, as `load` takes them.

    Raises:
        ArgumentError: what is for translators of a language model, or the other way round.
    """
    recipe = read_run_recipe(RunFolder.open(path))
    search = {"width": width, "length_penalty": length_penalty, "batch": batch}
    others = {"output": translations, "lowercase": lowercase}
    refuse_idle(path, recipe, streams=streams, for_translators=search | others)
    corpora = [read_split(recipe.data, split, source=source_of(one)) for one in sources]
    loaded = load(path, **options)
    if isinstance(loaded, LoadedTranslator):
        return [of_translator(loaded, one.pairs, search, lowercase) for one in corpora]
    if recipe.data.answer is not None:
        return [of_answers(loaded, one.pairs) for one in corpora]
    return [of_language_model(loaded, recipe, one.texts, streams or 1) for one in corpora]


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
    path: Path, recipe: Recipe, *, streams: int | None, for_translators: dict[str, Any]
) -> None:
    """Make sure that every setting that is given can take effect on the run.

    Raises:
        ArgumentError: one cannot.
    """
    translates = recipe.task == "translation"
    if streams and (translates or recipe.data.answer is not None):
        raise ArgumentError(f"streams are for the text of a language model: {path} reads rows")
    idle = [name for name, value in for_translators.items() if value not in (None, False)]
    if idle and not translates:
        names = ", ".join(idle).replace("_", " ")
        raise ArgumentError(f"{names}: for translators, and {path} is none")


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


def of_language_model(
    loaded: LoadedLanguageModel, recipe: Recipe, rows: Sequence[str], streams: int
) -> Evaluation:
    scores = score_text(
        loaded.model,
        rows,
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


def of_answers(loaded: LoadedLanguageModel, pairs: Sequence[Pair]) -> Evaluation:
    """What alone is asked of a language model whose rows have answers."""
    scores = score_answers(
        loaded.model,
        encode_answers(pairs, tokenizer=loaded.tokenizer),
        tokenizer=loaded.tokenizer,
        precision=loaded.precision,
    )
    names = ("accuracy", "nats_per_token", "rows", "tokens", "signature")
    return Evaluation({name: getattr(scores, name) for name in names})
