"""The text of a run: reading, cleaning and tokenizers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from seqlstm.config import Recipe
from seqlstm.config.data import DataConfig
from seqlstm.data.builtin.synthetic_tasks import SYNTHETIC_TASKS
from seqlstm.data.cleaning import count_overlap
from seqlstm.data.placeholders import insert_placeholders
from seqlstm.data.sources.read import Corpus, built_in_name
from seqlstm.errors import ArgumentError, DataError, SplitError
from seqlstm.recipe.read import read_run_recipe
from seqlstm.recipe.references import read_scored_split
from seqlstm.recipe.splits import read_split
from seqlstm.recipe.tasks.base import RunCorpus
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.recipe.tokenizers import check_placeholders, make_tokenizers
from seqlstm.run.folder import RunFolder
from seqlstm.text.tokenizer_pair import TokenizerPair


def read_corpus(recipe: Recipe, tokenizers: TokenizerPair | None = None) -> RunCorpus:
    """Read and clean a recipe's text.

    Args:
        recipe: the recipe.
        tokenizers: used instead of the recipe's.

    Raises:
        DataError: a split cannot be read, or cleaning leaves no row.
        TokenizerError: a tokenizer cannot be read or trained.
    """
    train = read_split(recipe.data, "train")
    validates = recipe.training.validate_every is not None
    validation = read_scored_split(recipe, "validation") if validates else None
    fingerprints = {"train": train.fingerprint}
    if validation:
        fingerprints["validation"] = validation.fingerprint
    replaced, notes = with_placeholders(recipe, train)
    if tokenizers is None:
        tokenizers, kept = make_tokenizers(recipe, replaced)
        notes += kept
    check_placeholders(recipe, tokenizers)
    cleaned, ids, line = TASKS[recipe.task].clean(recipe, replaced, tokenizers, written=train)
    report = [*recipe.notes, line, *train.notes]
    if validation:
        report += [f"{validation.split}: {len(validation):,} rows", *validation.notes]
    report += notes
    tokenization = TASKS[recipe.task].tokenization(recipe, cleaned)
    report += [str(tokenization)] if tokenization and tokenization.reason else []
    return RunCorpus(
        train=cleaned,
        validation=validation,
        tokenizers=tokenizers,
        ids=ids,
        tokenize=tokenization.name if tokenization else None,
        fingerprints=fingerprints,
        report=list(dict.fromkeys(report)),  # two slices of one file have the same notes
        warnings=list(find_overlaps(recipe.data, train, validation)),
    )


def with_placeholders(recipe: Recipe, train: Corpus) -> tuple[Corpus, list[str]]:
    """The training split with the placeholders that the recipe asks for, and a note on them.

    Raises:
        DataError: no pair has a string that could be one.
    """
    share = recipe.data.placeholders
    if not share:
        return train, []
    pairs, count = insert_placeholders(train.pairs, share=share, seed=recipe.seed)
    note = f"placeholders: {count:,} of {len(pairs):,} training pairs have numbered symbols"
    if not count:
        raise DataError(f"{note}: data.placeholders cannot take effect", hint="Leave it out.")
    return replace(train, rows=pairs), [note]


def find_overlaps(data: DataConfig, train: Corpus, validation: Corpus | None) -> Iterator[str]:
    """Warnings of training rows that are also in a held-out split."""
    if data.unit == "line":  # the lines of one long text may repeat
        return
    if built_in_name(data.source) in SYNTHETIC_TASKS:  # overlaps are intended
        return
    try:
        test = read_split(data, "test")
    except SplitError:
        test = None
    except DataError as error:
        test = None
        yield f"training rows were not looked for in the test split: {error.message}"
    for name, corpus in (("validation", validation), ("test", test)):
        count = count_overlap(train.rows, corpus.rows) if corpus else 0
        if count:
            rows = "row also stands" if count == 1 else "rows also stand"
            yield f"{count:,} training {rows} in {name}"


def validation_rows(run: Path) -> Sequence[str]:
    """Documents or lines of the validation split of a language model's run.

    Raises:
        ArgumentError: the run is of another task.
        DataError: the source has no such split, or cannot be read.
    """
    data = read_run_recipe(RunFolder.open(run)).data
    if data.text is None:
        raise ArgumentError(
            f"{run} was not trained on running text, in which units could be looked for",
            hint="Name one: --on FILE.",
        )
    return read_split(data, "validation").texts
