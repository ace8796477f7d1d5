"""Splits that are scored: pairs with further references, from columns or files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os.path import expanduser
from pathlib import Path

from seqlstm.config import Recipe
from seqlstm.data.sources.local import FilesBySplit
from seqlstm.data.sources.plain_text import lines
from seqlstm.data.sources.read import Corpus
from seqlstm.errors import ArgumentError, DataError
from seqlstm.recipe.splits import read_split

NO_FILES = ["none"]


def read_scored_split(
    recipe: Recipe,
    split: str,
    *,
    source: str | FilesBySplit | None = None,
    files: Sequence[str] | None = None,
) -> Corpus:
    """A split, with the further references of its rows.

    Args:
        recipe: whose section `evaluation` names columns of further references.
        split, source: as for `read_split`.
        files: of further references, instead of the columns; ["none"] for no further ones.

    Raises:
        DataError: the split, a column or a file cannot be read, or does not belong to the rows.
    """
    corpus = read_split(recipe.data, split, source=source)
    if files is None:
        named = {
            f'the column "{column}"': read_column(recipe, column, corpus, split, source)
            for column in recipe.evaluation.references
        }
    else:
        named = {file: read_file(Path(file), corpus) for file in files if files != NO_FILES}
    for name, texts in named.items():
        refuse_targets(name, texts, corpus)
    return replace(corpus, references=tuple(named.values()))


def read_column(
    recipe: Recipe, column: str, corpus: Corpus, split: str, source: str | FilesBySplit | None
) -> list[str]:
    """The texts of another target column, for the rows of a corpus of pairs: those of a split.

    A row without a cell in one of the target columns is missing where that column is read. Then
    the rows are found again by their sources; a missing reference is empty.

    Raises:
        DataError: there is no such column, or rows are missing and sources are not all different.
    """
    assert recipe.data.pair is not None
    first, target = recipe.data.pair
    data = recipe.data.model_copy(update={"pair": (first, column)})
    pairs = read_split(data, split, source=source).pairs
    sources = [text for text, _ in corpus.pairs]
    if [text for text, _ in pairs] == sources:
        return [text for _, text in pairs]
    by_source = dict(pairs)
    if len({*sources}) < len(sources) or len(by_source) < len(pairs):
        raise DataError(
            f'{corpus.name} ({corpus.split}): {len(corpus):,} rows have a text in "{target}", '
            f'{len(pairs):,} in "{column}", and equal texts in "{first}" repeat, so it is not '
            "known which reference belongs to which row.",
            hint=f'A row without a further reference needs an empty text in "{column}".',
        )
    return [by_source.get(text, "") for text in sources]


def read_file(file: Path, corpus: Corpus) -> list[str]:
    """The lines of a file of references, one for each row.

    Raises:
        DataError: the file cannot be read, is empty, or has another number of lines.
    """
    texts = lines(Path(expanduser(file)))
    if len(texts) != len(corpus):
        raise DataError(
            f"{file} has {len(texts):,} lines, {corpus.name} ({corpus.split}) has {len(corpus):,} "
            "rows.",
            hint="Each line must be a translation of the same row; it may be empty.",
        )
    if not any(text.strip() for text in texts):
        raise DataError(f"{file} has no reference: every line is empty.")
    return texts


def refuse_targets(name: str, texts: Sequence[str], corpus: Corpus) -> None:
    """Raise a DataError for further references that are the targets of the corpus."""
    if all(text == target for text, (_, target) in zip(texts, corpus.pairs, strict=True)):
        raise DataError(
            f"{corpus.name} ({corpus.split}): {name} has the same lines as the target, so it is no "
            "further reference.",
            hint="Parallel files have no further column: name files with --references FILE. In a "
            'table without a header columns are named by position: "3".',
        )


def refuse_shared_files(files: Sequence[str] | None, sources: Sequence[object]) -> None:
    """Raise an ArgumentError for files of references that would belong to several sources."""
    if files is not None and files != NO_FILES and len(sources) > 1:
        raise ArgumentError(f"--references belong to one source, not {len(sources)}")
