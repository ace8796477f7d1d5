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
    columns = recipe.evaluation.references if files is None else ()
    corpus = read_split(recipe.data, split, source=source, references=columns)
    names = [f'the column "{column}"' for column in columns]
    if files is not None and files != NO_FILES:
        names = [*dict.fromkeys(files)]
        corpus = replace(corpus, references=tuple(read_file(Path(name), corpus) for name in names))
    notes = []
    for name, texts in zip(names, corpus.references, strict=True):
        refuse_empty(name, texts, corpus)
        refuse_targets(name, texts, corpus)
        if missing := sum(not text.strip() for text in texts):
            where = f"{corpus.name} ({corpus.split})"
            notes.append(f"{where}: {missing:,} of {len(texts):,} rows have no reference in {name}")
    return replace(corpus, notes=(*corpus.notes, *notes))


def read_file(file: Path, corpus: Corpus) -> list[str]:
    """The lines of a file of references, one for each row.

    Raises:
        DataError: the file cannot be read, or has another number of lines.
    """
    texts = lines(Path(expanduser(file)))
    if len(texts) != len(corpus):
        raise DataError(
            f"{file} has {len(texts):,} lines, {corpus.name} ({corpus.split}) has {len(corpus):,} "
            "rows.",
            hint="Each line must be a translation of the same row; it may be empty.",
        )
    return texts


def refuse_empty(name: str, texts: Sequence[str], corpus: Corpus) -> None:
    """Raise a DataError for further references that are all empty."""
    if not any(text.strip() for text in texts):
        raise DataError(
            f"{corpus.name} ({corpus.split}): {name} has no reference: every line is empty.",
            hint="Leave it out; `--references none` scores against the target alone.",
        )


def refuse_targets(name: str, texts: Sequence[str], corpus: Corpus) -> None:
    """Raise a DataError for further references that are the targets of the corpus."""
    if all(text == target for text, (_, target) in zip(texts, corpus.pairs, strict=True)):
        raise DataError(
            f"{corpus.name} ({corpus.split}): {name} has the same lines as the target, so it is no "
            "further reference.",
            hint='In a table without a header all columns are named by position: "1", "2", "3".',
        )


def refuse_shared_files(files: Sequence[str] | None, sources: Sequence[object]) -> None:
    """Raise an ArgumentError for files of references that would belong to several sources."""
    if files is not None and files != NO_FILES and len(sources) > 1:
        raise ArgumentError(f"--references belong to one source, not {len(sources)}")
