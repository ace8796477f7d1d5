"""Corpora from the Hugging Face Hub, local folders and files, and built-in sources.

`read` is the entry point for all of them. A Hub id and a local copy of the same data set have the
same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from os.path import expanduser
from pathlib import Path
from typing import Any, Protocol, cast

from seqlstm.config.components import check_options
from seqlstm.data.builtin import dates, python_docs
from seqlstm.data.builtin.synthetic_tasks import COLUMNS, SIZES, SYNTHETIC_TASKS
from seqlstm.data.sources import tables
from seqlstm.data.sources.plain_text import PlainFiles
from seqlstm.data.sources.splits import parse, resolve
from seqlstm.errors import DataError, nearest

Pair = tuple[str, str]
Rows = Sequence[str] | Sequence[Pair]
FilesBySplit = Mapping[str, str | Path | Sequence[str | Path]]

BUILT_IN = ("python-docs", "dates", *SYNTHETIC_TASKS)


@dataclass(frozen=True)
class Corpus:
    """A corpus: the rows of a split, in memory.

    Attributes:
        rows: all lines or documents of text, or all pairs of texts.
        name: of the source, for messages and reports.
        split: the split expression, such as "train[:98%]".
    """

    rows: Rows
    name: str
    split: str

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def texts(self) -> Sequence[str]:
        """The rows, if they are single texts."""
        assert isinstance(self.rows[0], str)
        return cast(Sequence[str], self.rows)

    @property
    def pairs(self) -> Sequence[Pair]:
        """The rows, if they are pairs."""
        assert isinstance(self.rows[0], tuple)
        return cast(Sequence[Pair], self.rows)

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of the rows, in order."""
        digest = sha256()
        for row in self.rows:
            sides = (row,) if isinstance(row, str) else row
            for side in sides:
                encoded = side.encode("utf-8", "surrogatepass")
                digest.update(b"%d:%d:" % (len(sides), len(encoded)))
                digest.update(encoded)
        return digest.hexdigest()[:12]


class Source(Protocol):
    """An opened source of rows by split; `PlainFiles`, `Tables` and `_BuiltIn` are sources."""

    @property
    def name(self) -> str:
        """The name of the source in messages."""

    @property
    def splits(self) -> list[str]:
        """The names of the splits."""

    def rows(self, split: str) -> list[str] | list[Pair]:
        """All rows of a split."""


def read(
    source: str | Path | FilesBySplit,
    *,
    split: str,
    text: str | None = None,
    pair: Sequence[str] | None = None,
    name: str | None = None,
    revision: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Corpus:
    """Read a split of a source into memory.

    Args:
        source: a built-in source ("python-docs", "dates" or one of `SYNTHETIC_TASKS`), a local file
            or folder, a Hub id, or files by split; two plain-text files a split are pairs, line by
            line.
        split: train, validation (or valid, val, dev) or test; or a slice or sum of splits, such as
            "train[:98%]" and "validation+test".
        text: the column of text, with dots if nested; "text" if both `text` and `pair` are None.
        pair: the source and target columns (or the locales of "dates").
        name: of a configuration, for a data set that has several.
        revision: a version of a Hub data set.
        options: of a synthetic task.

    Raises:
        DataError: the source, split or column is missing, empty, malformed or cannot be reached.
        ValueError: both `text` and `pair` are set.
    """
    if text is not None and pair is not None:
        raise ValueError("a source is read as text or as pairs, were: both")
    columns = None if pair is None else _two_columns(pair)
    parts = parse(split)
    if isinstance(source, str) and source in SYNTHETIC_TASKS:
        _refuse(f'"{source}"', name=name, revision=revision)
        opened = _synthetic_task(source, pair=columns, options=options or {})
    elif options:
        tasks = ", ".join(SYNTHETIC_TASKS)
        raise DataError(f"data.options mean nothing for {source}.", hint=f"They are for {tasks}.")
    else:
        opened = _open(source, text=text, pair=columns, name=name, revision=revision)
    rows: list[str] | list[Pair] = []
    for part in parts:
        split_name = resolve(part.split, available=opened.splits, source=opened.name)
        rows.extend(part.cut(opened.rows(split_name)))  # type: ignore[arg-type]
    if not rows:
        raise DataError(f'{opened.name}: the split "{split}" is empty.')
    return Corpus(rows, opened.name, split)


def _two_columns(pair: Sequence[str]) -> Pair:
    if len(pair) != 2:
        raise DataError(f"A pair names two columns, not {len(pair)}: {', '.join(pair)}.")
    return pair[0], pair[1]


def _open(
    source: str | Path | FilesBySplit,
    *,
    text: str | None,
    pair: Pair | None,
    name: str | None,
    revision: str | None,
) -> Source:
    if isinstance(source, Mapping):
        _refuse("local files", name=name, revision=revision)
        return _open_files(_paths(source), name="local files", text=text, pair=pair)
    if source in BUILT_IN:
        _refuse(f'"{source}"', name=name, revision=revision)
        return _built_in(str(source), text=text, pair=pair)
    path = Path(expanduser(source))
    if path.is_dir():
        _refuse(str(path), revision=revision)
        return tables.open_folder(path, name=name, text=text, pair=pair)
    if path.is_file():
        _refuse(str(path), name=name, revision=revision)
        return _open_files({"train": [path]}, name=str(path), text=text, pair=pair)
    if isinstance(source, Path) or _looks_local(source):
        raise DataError(f"There is no file or folder {path}.")
    hint = nearest(source, BUILT_IN) if "/" not in source else None
    if hint is not None:
        raise DataError(f'There is no source "{source}".', hint=hint)
    columns = pair or (text or "text",)
    return tables.open_hub(source, name=name, revision=revision, columns=columns)


def _looks_local(source: str) -> bool:
    return source.startswith(("/", ".", "~")) or tables.format_of(Path(source)) is not None


def _refuse(where: str, **settings: str | None) -> None:
    for key, value in settings.items():
        if value is not None:
            raise DataError(f'data.{key} = "{value}" means nothing for {where}.', hint="Remove it.")


def _paths(files: FilesBySplit) -> dict[str, list[Path]]:
    listed = {
        split: [paths] if isinstance(paths, str | Path) else list(paths)
        for split, paths in files.items()
    }
    return {split: [Path(expanduser(path)) for path in paths] for split, paths in listed.items()}


def _open_files(
    files: Mapping[str, Sequence[Path]], *, name: str, text: str | None, pair: Pair | None
) -> Source:
    listed = [path for paths in files.values() for path in paths]
    for path in listed:
        if not path.is_file():
            raise DataError(f"There is no file {path}.")
    if all(tables.format_of(path) is None for path in listed):
        return PlainFiles(name, files, text, pair)
    return tables.open_files(files, name=name, columns=pair or (text or "text",))


@dataclass(frozen=True)
class _BuiltIn:
    name: str
    splits: list[str]
    rows: Callable[[str], list[str] | list[Pair]]


def _built_in(source: str, *, text: str | None, pair: Pair | None) -> Source:
    if source == "dates":
        _refuse('"dates", which has pairs', text=text)
        locales = pair or dates.DEFAULT_PAIR
        return _BuiltIn(source, list(dates.SIZES), lambda split: dates.rows(split, pair=locales))
    if pair is not None or text not in (None, "text"):
        raise DataError(f'"{source}" is plain text.', hint='Its only column is "text".')
    return _BuiltIn(source, list(python_docs.SPLITS), python_docs.rows)


def _synthetic_task(source: str, *, pair: Pair | None, options: Mapping[str, Any]) -> Source:
    if pair != COLUMNS:
        raise DataError(
            f'"{source}" has prompts and completions.',
            hint='Write: task = "prompts", prompt = "prompt" and completion = "completion".',
        )

    def rows(split: str) -> list[Pair]:
        try:
            check_options(source, SYNTHETIC_TASKS[source], options)
            return SYNTHETIC_TASKS[source](split, **options)
        except ValueError as error:
            raise DataError(f"data.options: {error}.") from None

    return _BuiltIn(source, list(SIZES), rows)
