"""Runs compared on one test set: is one better, or does the test set happen to suit it?"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqlstm.config import Recipe
from seqlstm.data.sources.read import Corpus
from seqlstm.errors import ArgumentError, DataError
from seqlstm.evaluation.perplexity import score_rows
from seqlstm.evaluation.significance import (
    RESAMPLES,
    Comparison,
    compare_nats,
    compare_translations,
)
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.recipe.corpus import read_split
from seqlstm.recipe.evaluate import refuse_idle, source_of, translated
from seqlstm.recipe.load import load
from seqlstm.recipe.read import read_run_recipe
from seqlstm.run.folder import RunFolder


@dataclass(frozen=True)
class ComparedRuns:
    """How runs stand, by their folders as they were named.

    Attributes:
        comparison: the scores and their test.
        rows: how many lines or documents were drawn from.
        how: of each run, how it translated or what was counted of it.
        translations: each translator's.
    """

    comparison: Comparison
    rows: int
    how: dict[str, str]
    translations: dict[str, list[str]] = field(default_factory=dict)


def compare(
    paths: Sequence[Path],
    *,
    split: str = "test",
    source: str | None = None,
    beam_size: int | None = None,
    length_penalty: float | None = None,
    batch: int | None = None,
    streams: int | None = None,
    resamples: int = RESAMPLES,
    translations: bool = False,
    **options: Any,
) -> ComparedRuns:
    """Compare each further run with the first, on a split of the first one's data.

    Args:
        paths: run folders.
        split: of the data; sums too, as in "validation+test".
        source: other data than that of the first run's recipe, with the same columns, or files by
            split as a table in TOML.
        beam_size, length_penalty, batch: of every translator's search, instead of its recipe's.
        streams: parts of the text that the language models read side by side.
        resamples: how often the rows are drawn anew.
        translations: whether translations are wanted.
        options: weights, device and precision, as `load` takes them.

    Raises:
        ArgumentError: fewer than two runs, runs that do not do the same, or a setting that cannot
            take effect.
        DataError: a single row, from which nothing can be drawn.
    """
    if len(paths) < 2:
        raise ArgumentError("a comparison needs two runs or more", hint="seqlstm compare RUN RUN")
    refuse_twice(paths)
    recipes = {str(path): read_run_recipe(RunFolder.open(path)) for path in paths}
    search = {"beam_size": beam_size, "length_penalty": length_penalty, "batch": batch}
    for path, recipe in zip(paths, recipes.values(), strict=True):
        refuse_unlike(recipes, str(path))
        others = {"output": translations}
        refuse_idle(path, recipe, for_text={"streams": streams}, for_translators=search | others)
    first = next(iter(recipes.values()))
    corpus = read_split(first.data, split, source=source_of(source))
    if first.task == "translation":
        return of_translators(paths, corpus, search, resamples, options)
    return of_language_models(recipes, corpus, streams or 1, resamples, options)


def refuse_twice(paths: Sequence[Path]) -> None:
    folders = [path.resolve() for path in paths]
    for number, path in enumerate(paths):
        if folders[number] in folders[:number]:
            raise ArgumentError(f"{path} is named twice: a run is no better than itself")


def refuse_unlike(recipes: dict[str, Recipe], path: str) -> None:
    """Make sure that a run does what the first does.

    Raises:
        ArgumentError: it does something else, or neither can be compared.
    """
    (first, ours), theirs = next(iter(recipes.items())), recipes[path]
    if ours.task != theirs.task:
        tasks = f"{first} is a {ours.task} run and {path} a {theirs.task} run"
        raise ArgumentError(f"{tasks}: they cannot compete")
    if theirs.data.completion is not None:
        raise ArgumentError(
            f"{path} is asked for answers: what is compared is translations, or whole texts",
            hint="`seqlstm evaluate` scores it; `seqlstm sweep` compares over seeds.",
        )
    if theirs.task == "language-model" and ours.data.unit != theirs.data.unit:
        raise ArgumentError(
            f"{first} and {path} score different text: one reads {ours.data.unit}s,"
            f" the other {theirs.data.unit}s"
        )
    if ours.data.pair and theirs.data.pair:
        check_direction(first, [*ours.data.pair], path, [*theirs.data.pair])


def check_direction(first: str, ours: list[str], path: str, theirs: list[str]) -> None:
    """Compare the names of two runs' columns, nested ones by what they are called inside.

    Raises:
        ArgumentError: one translates where the other comes from.
    """
    one, other = ([name.rpartition(".")[2] for name in pair] for pair in (ours, theirs))
    said = f"{first} translates {one[0]} to {one[1]}, {path} {other[0]} to {other[1]}"
    if one != other and one == other[::-1]:
        raise ArgumentError(f"{said}: they cannot compete")
    if one != other:
        warnings.warn(f"{said}: both are given {one[0]} to translate", stacklevel=2)


def of_translators(
    paths: Sequence[Path],
    corpus: Corpus,
    search: dict[str, Any],
    resamples: int,
    options: dict[str, Any],
) -> ComparedRuns:
    refuse_single(corpus, len(corpus), "line")
    found, how = {}, {}
    for path in paths:
        loaded = load(path, **options)
        assert isinstance(loaded, LoadedTranslator)
        lines = [line for line, _ in corpus.pairs]
        found[str(path)], _, how[str(path)] = translated(loaded, lines, search)
    references = [reference for _, reference in corpus.pairs]
    comparison = compare_translations(found, references, resamples=resamples)
    return ComparedRuns(comparison, len(references), how, found)


def of_language_models(
    recipes: dict[str, Recipe],
    corpus: Corpus,
    streams: int,
    resamples: int,
    options: dict[str, Any],
) -> ComparedRuns:
    """Bits per byte, over documents or lines as the runs read them."""
    unit = next(iter(recipes.values())).data.unit
    check_text(recipes, corpus.texts)
    nats, how = {}, {}
    for path, recipe in recipes.items():
        loaded = load(path, **options)
        assert isinstance(loaded, LoadedLanguageModel)
        scores = score_rows(
            loaded.model,
            corpus.texts,
            tokenizer=loaded.tokenizer,
            precision=loaded.precision,
            unit=unit,
            resets=recipe.resets,
            streams=streams,
        )
        refuse_single(corpus, len(scores.nats), unit)
        nats[path], how[path] = scores.nats, scores.signature
    comparison = compare_nats(nats, scores.bytes, unit=unit, resamples=resamples)
    return ComparedRuns(comparison, len(scores.bytes), how)


def check_text(recipes: dict[str, Recipe], rows: Sequence[str]) -> None:
    """Make sure that all models tell the same text: what is left of it when it is pieces.

    Raises:
        ArgumentError: a tokenizer changes it, or cannot spell it.
    """
    read: dict[str, list[str]] = {}
    for path in recipes:
        tokenizer = RunFolder.open(Path(path)).read_tokenizers().target
        read[path] = tokenizer.decode_batch(tokenizer.encode_batch(rows))
        first = next(iter(read))
        refuse_other_text(first, read[first], path, read[path])


def refuse_other_text(first: str, ours: list[str], path: str, theirs: list[str]) -> None:
    for row, (one, other) in enumerate(zip(ours, theirs, strict=True), 1):
        if one != other:
            raise ArgumentError(
                f"{first} and {path} score different text: to their tokenizers row {row} is"
                f" {excerpt(one, other)!r} and {excerpt(other, one)!r}",
                hint="Tokenizers that change no text can be compared: normalization identity, "
                "with byte fallback.",
            )


def excerpt(text: str, other: str, size: int = 30) -> str:
    """The text from where it begins to differ from another."""
    pairs = enumerate(zip(text, other, strict=False))
    start = next((place for place, (one, two) in pairs if one != two), min(len(text), len(other)))
    return text[start : start + size]


def refuse_single(corpus: Corpus, rows: int, unit: str) -> None:
    if rows < 2:
        raise DataError(
            f"{corpus.name} {corpus.split}: a single {unit}, from which nothing can be drawn anew"
        )
