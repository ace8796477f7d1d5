"""Reading of splits: of a recipe's data, or of other data with the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from seqlstm.config.data import DataConfig
from seqlstm.config.parse import toml_value
from seqlstm.data.sources.local import FilesBySplit
from seqlstm.data.sources.read import Corpus, read
from seqlstm.errors import ArgumentError


def read_split(
    data: DataConfig,
    split: str,
    *,
    source: str | FilesBySplit | None = None,
    references: Sequence[str] = (),
) -> Corpus:
    """One split of a recipe's source, or of another source with the same columns.

    Args:
        data: the recipe's section.
        split: name of a split of the source; "train", "validation" and "test" are those of the
            recipe's `splits`. Also sums, such as "validation+test".
        source: used instead of the recipe's.
        references: further target columns of pairs.

    Raises:
        DataError: the source, split or column is missing, empty, malformed or cannot be reached.
    """
    names = data.splits.model_dump()
    columns = data.columns
    corpus = read(
        source or cast("str | FilesBySplit", data.source),
        split="+".join(names.get(part.strip(), part.strip()) for part in split.split("+")),
        text=columns[0] if len(columns) == 1 else None,
        pair=columns if len(columns) > 1 else None,
        references=references,
        name=None if source else data.name,
        revision=None if source else data.revision,
        options=None if source else data.options,
    )
    if data.unit != "line":
        return corpus
    # The rows of some data sets end with newlines, those of others do not.
    return replace(corpus, rows=[row.removesuffix("\n") for row in corpus.texts])


def parse_source(text: str | None) -> str | FilesBySplit | None:
    """A `data.source` from the command line: a name, or files by split as a table in TOML.

    Raises:
        ArgumentError: a table whose values are not files.
    """
    if text is None or not text.lstrip().startswith("{"):
        return text
    table = toml_value(text)
    values = [*table.values()] if isinstance(table, dict) else [None]
    files = [file for value in values for file in (value if isinstance(value, list) else [value])]
    if not files or not all(isinstance(file, str) for file in files):
        raise ArgumentError(
            f"{text} names no files by split",
            hint='Right would be: \'{test = ["a.en", "a.de"]}\'',
        )
    return cast(FilesBySplit, table)
